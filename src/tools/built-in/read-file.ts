import { invalidInput, LachesisError } from '../../errors.ts';
import type { JsonObject } from '../../messages.ts';
import { outputBytes } from '../../sandbox/index.ts';
import type { AnyTool, ToolContext } from '../tool-handler.ts';
import { textArgument, wholeArgument } from './arguments.ts';
import { builtInTool } from './built-in-tool.ts';
import { resolvePath, runScript } from './sandbox-files.ts';

const DEFAULT_LINES = 500;
const MAX_LINES = 2_000;
const MAX_LINE_CHARACTERS = 2_000;
const MAX_CHARACTERS = 100_000;
/** So much is read that a page above the limit is known to be one. */
const MAX_READ_BYTES = 1_048_576;

/** A line about the file, and then the page. What is no file is never opened: a pipe would never end. */
const SCRIPT = `if [ ! -e "$1" ]; then
  if [ -L "$1" ]; then echo dangling; readlink -- "$1"; else echo missing; fi
  exit
fi
if [ -d "$1" ]; then echo directory; exit; fi
if [ ! -f "$1" ]; then echo special; exit; fi
if [ ! -r "$1" ]; then echo unreadable; exit; fi
echo file $(wc -l < "$1") $(wc -c < "$1") $(tail -c 1 < "$1" | wc -l)
tail -n "+$2" < "$1" | head -n "$3"`;
const SIMILAR = 'cd -- "$1" 2>/dev/null && ls -A | head -n 1000';

/** `read_file`: a page of a text file, its lines numbered from 1. */
export function readFileTool(): AnyTool {
  return builtInTool({
    name: 'read_file',
    description:
      'Reads a text file by lines, shown as NUMBER|TEXT. Use offset and limit for more of a long one.',
    properties: {
      path: { type: 'string', description: 'Absolute, of the working directory, or with ~.' },
      offset: { type: 'integer', description: 'First line, from 1.', default: 1, minimum: 1 },
      limit: {
        type: 'integer',
        description: `Most lines (at most ${MAX_LINES}).`,
        default: DEFAULT_LINES,
        maximum: MAX_LINES,
      },
    },
    required: ['path'],
    run,
  });
}

async function run(args: JsonObject, context: ToolContext): Promise<JsonObject> {
  const given = textArgument(args, 'path');
  const whole = { min: 1, max: Number.MAX_SAFE_INTEGER };
  const offset = wholeArgument(args, 'offset', { ...whole, default: 1 });
  const limit = wholeArgument(args, 'limit', { min: 1, max: MAX_LINES, default: DEFAULT_LINES });
  const at = await resolvePath(given, context);
  const { stdout } = await runScript(SCRIPT, [at, String(offset), String(limit)], context, {
    maxOutputBytes: MAX_READ_BYTES,
  });
  const bytes = Buffer.from(outputBytes(stdout));
  const headEnd = bytes.indexOf(10);
  const head = bytes.subarray(0, Math.max(0, headEnd)).toString();
  if (head === 'missing') return await missing(given, at, context);
  if (head === 'dangling') {
    const target = bytes
      .subarray(headEnd + 1)
      .toString()
      .replace(/\n$/, '');
    return { error: `File not found: ${given} is a link to ${target}, where nothing is.` };
  }
  const [kind, newlines = 0, fileSize = 0, endsInNewline = 0] = head
    .split(' ')
    .map((word, i) => (i === 0 ? word : Number(word)));
  if (kind !== 'file') throw notReadable(given, head);
  const page = bytes.subarray(headEnd + 1);
  if (page.includes(0)) {
    throw invalidInput('path', `${given} is a binary file.`, {
      remedy: 'Use terminal, such as `xxd`, to look into it.',
    });
  }
  const totalLines = Number(newlines) + (endsInNewline === 0 && Number(fileSize) > 0 ? 1 : 0);
  const content = numbered(page.toString('utf8'), offset);
  if (stdout.omittedBytes > 0 || content.length > MAX_CHARACTERS) {
    throw new LachesisError(
      'out_of_range',
      `These lines have more than ${MAX_CHARACTERS} characters (the file has ${totalLines} lines).`,
      { reason: 'PAGE_TOO_LARGE', remedy: 'Use offset and a smaller limit.' },
    );
  }
  const last = offset + limit - 1;
  const isCut = totalLines > last;
  return {
    content,
    total_lines: totalLines,
    file_size: Number(fileSize),
    truncated: isCut,
    ...(isCut ? { hint: `Use offset=${last + 1} to read on (of ${totalLines} lines).` } : {}),
  };
}

function numbered(text: string, first: number): string {
  if (text === '') return '';
  return text
    .replace(/\n$/, '')
    .split('\n')
    .map((line, i) => {
      const isLong = line.length > MAX_LINE_CHARACTERS;
      const shown = isLong ? `${line.slice(0, MAX_LINE_CHARACTERS)}... [truncated]` : line;
      return `${first + i}|${shown}`;
    })
    .join('\n');
}

async function missing(given: string, at: string, context: ToolContext): Promise<JsonObject> {
  const slash = at.lastIndexOf('/');
  const name = at.slice(slash + 1).toLowerCase();
  const { stdout } = await runScript(SIMILAR, [at.slice(0, slash) || '/'], context, {
    maxOutputBytes: 65_536,
  });
  const stem = name.split('.')[0] ?? name;
  const similar = Buffer.from(outputBytes(stdout))
    .toString()
    .split('\n')
    .filter((other) => {
      const lower = other.toLowerCase();
      return lower !== '' && (lower === name || (stem !== '' && lower.includes(stem)));
    })
    .slice(0, 5)
    .map((other) => `${at.slice(0, slash)}/${other}`);
  return {
    error: `File not found: ${given}`,
    ...(similar.length === 0 ? {} : { similar_files: similar }),
  };
}

function notReadable(given: string, kind: string): LachesisError {
  const why: Readonly<Record<string, string>> = {
    directory: 'is a directory; use search_files or terminal.',
    special: 'is a device, pipe or socket; reading it might never end.',
    unreadable: 'may not be read.',
  };
  return invalidInput('path', `${given} ${why[kind] ?? 'could not be read.'}`);
}
