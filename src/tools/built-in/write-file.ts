import type { AnyTool } from '../tool-handler.ts';
import { textArgument } from './arguments.ts';
import { builtInTool } from './built-in-tool.ts';
import { resolveFilePath, writeText } from './sandbox-files.ts';

/** `write_file`: the whole content of a file. */
export function writeFileTool(): AnyTool {
  return builtInTool({
    name: 'write_file',
    description:
      'Writes a whole file and makes the folders it is in. What was in it is gone; use patch to change a part.',
    properties: {
      path: { type: 'string', description: 'Absolute, of the working directory, or with ~.' },
      content: { type: 'string', description: 'All of it.' },
    },
    required: ['path', 'content'],
    run: async (args, context) => {
      const content = textArgument(args, 'content');
      const at = await resolveFilePath(textArgument(args, 'path'), context);
      await writeText(at, content, context);
      return { bytes_written: Buffer.byteLength(content), path: at };
    },
  });
}
