import { invalidInput, LachesisError } from '../../../errors.ts';
import type { JsonObject } from '../../../messages.ts';
import type { AnyTool, ToolContext } from '../../tool-handler.ts';
import { choiceArgument, flagArgument, textArgument } from '../arguments.ts';
import { builtInTool } from '../built-in-tool.ts';
import { resolveFilePath, resolvePath, runScript, writeText } from '../sandbox-files.ts';
import { applyHunks } from './apply-hunks.ts';
import { lineDiff } from './line-diff.ts';
import { parseV4a } from './parse-v4a.ts';
import { replaceText } from './replace-text.ts';

const MAX_FILE_BYTES = 8_388_608;
// A text that is not all UTF-8 could not be written back as it was.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** `patch`: changes a part of a file, or several files at once. */
export function patchTool(): AnyTool {
  return builtInTool({
    name: 'patch',
    description:
      'Changes files. mode="replace" puts new_string in place of old_string in one file; differences of white ' +
      'space are forgiven. mode="patch" applies a patch of several files: *** Begin Patch, then *** Update File: ' +
      'PATH with @@ and lines that begin with " ", "-" or "+", *** Add File: PATH, *** Delete File: PATH, *** End Patch. ' +
      'Either all of it is applied or nothing.',
    properties: {
      mode: { type: 'string', enum: ['replace', 'patch'], default: 'replace' },
      path: { type: 'string', description: 'For replace: the file.' },
      old_string: { type: 'string', description: 'For replace: the text that is there, once.' },
      new_string: { type: 'string', description: 'For replace: what comes in its place.' },
      replace_all: { type: 'boolean', description: 'Wherever it is.', default: false },
      patch: { type: 'string', description: 'For patch: the whole patch.' },
    },
    required: ['mode'],
    failed: (error) => ({ success: false, error }),
    run: async (args, context) =>
      choiceArgument(args, 'mode', ['replace', 'patch'], 'replace') === 'replace'
        ? await replace(args, context)
        : await applyPatch(args, context),
  });
}

async function replace(args: JsonObject, context: ToolContext): Promise<JsonObject> {
  const given = textArgument(args, 'path');
  const wanted = textArgument(args, 'old_string');
  const replacement = textArgument(args, 'new_string');
  if (wanted === '') throw invalidInput('old_string', 'is empty; use write_file for a new file.');
  if (wanted === replacement) throw invalidInput('new_string', 'is the same as old_string.');
  const at = await resolvePath(given, context);
  const before = await readText(at, context);
  const all = flagArgument(args, 'replace_all');
  const { text, strategy, replacements } = inLineFeeds(before, (lines) =>
    replaceText(lines, unix(wanted), unix(replacement), { all }),
  );
  await writeText(at, text, context);
  return {
    success: true,
    diff: lineDiff(given, before, text),
    files_modified: [given],
    ...(strategy === 'exact' ? {} : { matched_by: strategy }),
    ...(replacements === 1 ? {} : { replacements }),
  };
}

async function applyPatch(args: JsonObject, context: ToolContext): Promise<JsonObject> {
  const changes = parseV4a(textArgument(args, 'patch'));
  /** By absolute path: what is to be there afterwards, undefined for nothing. All is made before any is written. */
  const after = new Map<string, string | undefined>();
  const diffs: string[] = [];
  const said: Record<'modified' | 'created' | 'deleted', string[]> = {
    modified: [],
    created: [],
    deleted: [],
  };
  const contentOf = async (at: string): Promise<string> => {
    if (!after.has(at)) return await readText(at, context);
    const made = after.get(at);
    if (made !== undefined) return made;
    throw new LachesisError('not_found', `${at} was deleted by this patch.`, {
      reason: 'FILE_NOT_FOUND',
    });
  };
  for (const change of changes) {
    const at = await resolveFilePath(change.path, context, 'patch');
    if (change.kind === 'add') {
      const isThere = after.has(at)
        ? after.get(at) !== undefined
        : (await context.sandbox.stat(at, { signal: context.signal })) !== undefined;
      if (isThere) throw invalidInput('patch', `${change.path} is there already; update it.`);
      const made = change.lines.map((line) => `${line}\n`).join('');
      after.set(at, made);
      diffs.push(lineDiff(change.path, '', made));
      said.created.push(change.path);
      continue;
    }
    const before = await contentOf(at);
    if (change.kind === 'delete') {
      after.set(at, undefined);
      said.deleted.push(change.path);
      continue;
    }
    const { text } = inLineFeeds(before, (lines) => ({
      text: applyHunks(lines, change.hunks, change.path),
    }));
    diffs.push(lineDiff(change.path, before, text));
    if (change.moveTo === undefined) {
      after.set(at, text);
      said.modified.push(change.path);
    } else {
      after.set(at, undefined);
      after.set(await resolveFilePath(change.moveTo, context, 'patch'), text);
      said.deleted.push(change.path);
      said.created.push(change.moveTo);
    }
  }
  for (const [at, text] of after) {
    if (text !== undefined) await writeText(at, text, context);
    else await runScript('rm -f -- "$1"', [at], context, { maxOutputBytes: 4_096 });
  }
  return {
    success: true,
    diff: diffs.filter((diff) => diff !== '').join('\n'),
    files_modified: said.modified,
    files_created: said.created,
    files_deleted: said.deleted,
  };
}

async function readText(at: string, { sandbox, signal }: ToolContext): Promise<string> {
  const bytes = await sandbox.readFile(at, { signal, maxBytes: MAX_FILE_BYTES });
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw invalidInput('path', `${at} is no UTF-8 text.`, { cause });
  }
}

/** Works on a text with line feeds alone; one whose lines all end in CR LF has them again afterwards. */
function inLineFeeds<Result extends { readonly text: string }>(
  text: string,
  work: (text: string) => Result,
): Result {
  const isDos = text.includes('\r\n') && !/(^|[^\r])\n/.test(text);
  if (!isDos) return work(text);
  const result = work(unix(text));
  return { ...result, text: result.text.replace(/\n/g, '\r\n') };
}

function unix(text: string): string {
  return text.replaceAll('\r\n', '\n');
}
