import { invalidInput } from '../../errors.ts';
import type { JsonObject } from '../../messages.ts';
import { outputText } from '../../sandbox/index.ts';
import type { AnyTool, ToolContext } from '../tool-handler.ts';
import { choiceArgument, optionalText, textArgument, wholeArgument } from './arguments.ts';
import { builtInTool } from './built-in-tool.ts';
import { resolvePath, runScript } from './sandbox-files.ts';

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 1_000;
const MAX_CONTEXT = 20;
const MAX_LINE_CHARACTERS = 500;
const MAX_READ_BYTES = 2_097_152;

/** Hidden files and those that git ignores are searched alike by both programs: the first not, the others yes. */
const CONTENT = `if [ ! -e "$2" ]; then echo missing >&2; exit 3; fi
# Never opened: a pipe would never end.
if [ ! -f "$2" ] && [ ! -d "$2" ]; then echo special >&2; exit 4; fi
pattern=$1 at=$2 around=$3 glob=$4
if rg --no-config --version >/dev/null 2>&1; then
  set -- --no-config --no-ignore --no-heading --color never -Hn --null --sort path -C "$around"
  if [ -n "$glob" ]; then set -- "$@" -g "$glob"; fi
  exec rg "$@" -e "$pattern" -- "$at"
fi
type=-E
if printf x | grep -qP x 2>/dev/null; then type=-P; fi
if ! printf x | grep -qIHZ x 2>/dev/null; then
  # One that prints no names, such as a simulated shell's: file by file.
  printf x | grep -q "$type" -e "$pattern"
  if [ $? -gt 1 ]; then exit 2; fi
  find "$at" -name '.?*' ! -path "$at" -prune -o -type f -name "\${glob:-*}" -print0 |
    while IFS= read -r -d '' file; do
      # As with -I.
      if grep -qP '\\x00' "$file" 2>/dev/null; then continue; fi
      grep -n "$type" -C "$around" -e "$pattern" -- "$file" |
        while IFS= read -r line; do printf '%s\\000%s\\n' "$file" "$line"; done
    done
  exit 0
fi
set -- -rIHnZ -C "$around" --color=never
# Of those that fit a name the last one counts.
if [ -n "$glob" ]; then set -- "$@" "--include=$glob"; fi
set -- "$@" '--exclude-dir=.?*' '--exclude=.?*'
exec grep "$@" "$type" -e "$pattern" -- "$at"`;

const FILES = `if [ ! -e "$2" ]; then echo missing >&2; exit 3; fi
exec find "$2" -name '.?*' ! -path "$2" -prune -o -type f -name "$1" -print0`;

/** `search_files`: finds lines by a regular expression, or files by their names. */
export function searchFilesTool(): AnyTool {
  return builtInTool({
    name: 'search_files',
    description:
      'Searches. target="content" finds lines by a regular expression; target="files" finds files by a name with ' +
      '* and ?. Hidden files are left out.',
    properties: {
      pattern: { type: 'string', description: 'Regular expression, or name with * and ?.' },
      target: { type: 'string', enum: ['content', 'files'], default: 'content' },
      path: { type: 'string', description: 'Where to search.', default: '.' },
      file_glob: { type: 'string', description: 'For content: only files named so, such as *.py.' },
      limit: { type: 'integer', description: 'Most results.', default: DEFAULT_LIMIT },
      offset: { type: 'integer', description: 'Results to pass over.', default: 0 },
      output_mode: {
        type: 'string',
        enum: ['content', 'files_only', 'count'],
        description: 'For content: the lines, the names of their files, or how many in each.',
        default: 'content',
      },
      context: { type: 'integer', description: 'Lines around each match.', default: 0 },
    },
    required: ['pattern'],
    run,
  });
}

async function run(args: JsonObject, context: ToolContext): Promise<JsonObject> {
  const pattern = textArgument(args, 'pattern');
  if (pattern === '' || /[\0\n]/.test(pattern)) {
    throw invalidInput('pattern', 'is empty, or more than one line.');
  }
  const given = optionalText(args, 'path') ?? '.';
  const at = await resolvePath(given, context);
  const page = {
    limit: wholeArgument(args, 'limit', { default: DEFAULT_LIMIT, min: 1, max: MAX_LIMIT }),
    offset: wholeArgument(args, 'offset', { default: 0, min: 0, max: 1_000_000 }),
  };
  // Hermes models also say `grep` and `find`.
  const target = args['target'] === 'grep' ? 'content' : args['target'];
  const isFiles = target === 'find' || target === 'files';
  if (!isFiles) choiceArgument({ target: target ?? 'content' }, 'target', ['content', 'files']);
  return isFiles
    ? await findFiles(pattern, at, page, context)
    : await findLines(pattern, at, page, args, context);
}

interface Page {
  readonly limit: number;
  readonly offset: number;
}

async function findFiles(
  pattern: string,
  at: string,
  page: Page,
  context: ToolContext,
): Promise<JsonObject> {
  const found = await search(FILES, [pattern.replace(/^(?:\.\/|\*\*\/)+/, ''), at], at, context);
  const files = found.text
    .split('\0')
    .filter((name) => name !== '')
    .sort();
  return paged('files', files, page, found.isCut);
}

async function findLines(
  pattern: string,
  at: string,
  page: Page,
  args: JsonObject,
  context: ToolContext,
): Promise<JsonObject> {
  const mode = choiceArgument(args, 'output_mode', ['content', 'files_only', 'count'], 'content');
  const around =
    mode === 'content'
      ? wholeArgument(args, 'context', { default: 0, min: 0, max: MAX_CONTEXT })
      : 0;
  const words = [pattern, at, String(around), optionalText(args, 'file_glob') ?? ''];
  const found = await search(CONTENT, words, at, context);
  const lines = linesIn(found.text)
    // `grep` names files as it meets them.
    .map((line, i) => ({ ...line, i }))
    .sort((a, b) => (a.path === b.path ? a.i - b.i : a.path < b.path ? -1 : 1));
  const matches = lines.filter(({ isMatch }) => isMatch);
  if (mode === 'content') {
    const shown = around === 0 ? matches : lines;
    return paged(
      'matches',
      shown.map(({ path, line, content }) => ({ path, line, content })),
      page,
      found.isCut,
    );
  }
  const counts = new Map<string, number>();
  for (const { path } of matches) counts.set(path, (counts.get(path) ?? 0) + 1);
  if (mode === 'files_only') return paged('files', [...counts.keys()], page, found.isCut);
  const shown = [...counts].slice(page.offset, page.offset + page.limit);
  return { total_count: matches.length, counts: Object.fromEntries(shown) };
}

async function search(
  script: string,
  words: readonly string[],
  at: string,
  context: ToolContext,
): Promise<{ readonly text: string; readonly isCut: boolean }> {
  const { stdout, stderr, exitCode, timedOut } = await runScript(script, words, context, {
    maxOutputBytes: MAX_READ_BYTES,
  });
  if (exitCode === 3) throw invalidInput('path', `${at} is not there.`);
  if (exitCode === 4) {
    throw invalidInput('path', `${at} is a device, pipe or socket; reading it might never end.`);
  }
  if (timedOut) {
    throw invalidInput(
      'pattern',
      'took too long; search a smaller place or for something simpler.',
    );
  }
  const text = Buffer.from(stdout.head).toString();
  // Both say 2 for a file that may not be read as well, with what they found beside it.
  if (exitCode > 1 && stdout.totalBytes === 0) {
    throw invalidInput(
      'pattern',
      outputText(stderr).slice(0, 500).trim() || 'could not be searched.',
    );
  }
  if (stdout.omittedBytes === 0)
    return { text: text + Buffer.from(stdout.tail).toString(), isCut: false };
  const end = script === FILES ? '\0' : '\n';
  return { text: text.slice(0, text.lastIndexOf(end) + 1), isCut: true };
}

interface FoundLine {
  readonly path: string;
  readonly line: number;
  readonly content: string;
  readonly isMatch: boolean;
}

/** What stands between two lines: of no neighbours, and what rg says of a file that turned out to be binary. */
const BETWEEN = /^(?:(?:--|.*(?:stopped searching binary file|binary file matches).*)\n)*/;

/** Of `PATH NUL LINE : TEXT`, and `-` of a line around a match. A path may hold line feeds, a text none. */
function linesIn(output: string): FoundLine[] {
  const [first = '', ...rest] = output.split('\0');
  let path = first.replace(BETWEEN, '');
  const lines: FoundLine[] = [];
  for (const field of rest) {
    const end = field.indexOf('\n');
    const line = lineOf(path, end < 0 ? field : field.slice(0, end));
    if (line !== undefined) lines.push(line);
    path = end < 0 ? '' : field.slice(end + 1).replace(BETWEEN, '');
  }
  return lines;
}

function lineOf(path: string, text: string): FoundLine | undefined {
  const [, line, sign, content = ''] = /^(\d+)([:-])(.*)$/s.exec(text) ?? [];
  if (line === undefined || path === '') return undefined;
  const shown = content.replace(/\r$/, '');
  return {
    path,
    line: Number(line),
    content:
      shown.length > MAX_LINE_CHARACTERS ? `${shown.slice(0, MAX_LINE_CHARACTERS)}...` : shown,
    isMatch: sign === ':',
  };
}

function paged(
  name: 'files' | 'matches',
  all: JsonObject[] | string[],
  { offset, limit }: Page,
  isCut: boolean,
): JsonObject {
  const shown = all.slice(offset, offset + limit);
  const isMore = isCut || offset + shown.length < all.length;
  return {
    total_count: all.length,
    [name]: shown,
    ...(isMore ? { truncated: true, hint: `Use offset=${offset + shown.length} for more.` } : {}),
  };
}
