import { invalidInput } from '../../errors.ts';
import type { AnyTool } from '../tool-handler.ts';
import { patchTool } from './patch/patch.ts';
import { type ProcessToolOptions, processTool } from './process.ts';
import { readFileTool } from './read-file.ts';
import { searchFilesTool } from './search-files.ts';
import { type TerminalOptions, terminalTool } from './terminal.ts';
import { todoTool } from './todo.ts';
import { writeFileTool } from './write-file.ts';

/** Names of tools that belong together. */
export const TOOLSETS = Object.freeze({
  terminal: Object.freeze(['terminal', 'process'] as const),
  files: Object.freeze(['read_file', 'write_file', 'patch', 'search_files'] as const),
  todo: Object.freeze(['todo'] as const),
});

export type ToolsetName = keyof typeof TOOLSETS;

export interface BuiltInToolOptions {
  readonly terminal?: TerminalOptions;
  readonly process?: ProcessToolOptions;
}

/** Our tools of these toolsets, all of which work in the rollout's sandbox. */
export function sandboxTools(
  toolsets: readonly ToolsetName[] = ['terminal', 'files', 'todo'],
  options: BuiltInToolOptions = {},
): readonly AnyTool[] {
  const made: Readonly<Record<(typeof TOOLSETS)[ToolsetName][number], () => AnyTool>> = {
    terminal: () => terminalTool(options.terminal),
    process: () => processTool(options.process),
    read_file: readFileTool,
    write_file: writeFileTool,
    patch: patchTool,
    search_files: searchFilesTool,
    todo: todoTool,
  };
  const names = new Set(
    toolsets.flatMap((toolset): readonly (keyof typeof made)[] => {
      if (Object.hasOwn(TOOLSETS, toolset)) return TOOLSETS[toolset];
      throw invalidInput('toolsets', `there is none named ${JSON.stringify(toolset)}.`, {
        remedy: `Use of ${Object.keys(TOOLSETS).join(', ')}.`,
      });
    }),
  );
  return [...names].map((name) => made[name]());
}
