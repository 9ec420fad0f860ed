import { invalidInput } from '../../../errors.ts';

/** One file's part of a V4A patch. */
export type FileChange =
  | { readonly kind: 'add'; readonly path: string; readonly lines: readonly string[] }
  | { readonly kind: 'delete'; readonly path: string }
  | {
      readonly kind: 'update';
      readonly path: string;
      readonly moveTo: string | undefined;
      readonly hunks: readonly Hunk[];
    };

export interface Hunk {
  /** A line that the hunk is after; empty for none. */
  readonly anchor: string;
  readonly lines: readonly { readonly sign: ' ' | '-' | '+'; readonly text: string }[];
}

const FILE = /^\*\*\* (Add|Update|Delete) File: (.+)$/;
const MOVE = /^\*\*\* Move to: (.+)$/;

/** Reads the format that models know from `apply_patch`: `*** Begin Patch`, file parts, `*** End Patch`. */
export function parseV4a(patch: string): FileChange[] {
  const lines = patch.replace(/\r\n/g, '\n').split('\n');
  const begin = lines.findIndex((line) => line.trim() === '*** Begin Patch');
  const end = lines.findIndex((line) => line.trim() === '*** End Patch');
  const body = lines.slice(begin + 1, end < 0 ? undefined : end);
  const changes: FileChange[] = [];
  for (let at = 0; at < body.length; ) {
    const line = body[at] ?? '';
    const [, kind, path = ''] = FILE.exec(line.trimEnd()) ?? [];
    if (kind === undefined) {
      if (line.trim() !== '')
        throw badLine(line, 'is in no file; begin with "*** Update File: PATH"');
      at += 1;
      continue;
    }
    let stop = at + 1;
    while (stop < body.length && !FILE.test(body[stop]?.trimEnd() ?? '')) stop += 1;
    changes.push(changeOf(kind, path.trim(), body.slice(at + 1, stop)));
    at = stop;
  }
  if (changes.length === 0) throw invalidInput('patch', 'changes no file.');
  return changes;
}

function changeOf(kind: string, path: string, body: readonly string[]): FileChange {
  if (kind === 'Delete') return { kind: 'delete', path };
  if (kind === 'Add') {
    const lines = withoutEmptyEnd(body).map((line) => {
      if (!line.startsWith('+')) throw badLine(line, 'of a new file must begin with "+"');
      return line.slice(1);
    });
    return { kind: 'add', path, lines };
  }
  const [, moveTo] = MOVE.exec(body[0]?.trimEnd() ?? '') ?? [];
  const hunks = hunksOf(withoutEmptyEnd(moveTo === undefined ? body : body.slice(1)));
  if (hunks.length === 0 && moveTo === undefined) {
    throw invalidInput('patch', `says nothing to change in ${path}.`);
  }
  return { kind: 'update', path, moveTo: moveTo?.trim(), hunks };
}

function hunksOf(body: readonly string[]): Hunk[] {
  const hunks: { anchor: string; lines: Hunk['lines'][number][] }[] = [];
  for (const line of body) {
    if (line.trim() === '*** End of File') continue;
    if (line.startsWith('@@')) {
      const anchor = line.replace(/^@@\s?/, '').replace(/\s*@@$/, '');
      // What a unified diff says of line numbers is passed over.
      hunks.push({ anchor: /^-\d+(,\d+)? \+\d+/.test(anchor) ? '' : anchor, lines: [] });
      continue;
    }
    if (hunks.length === 0) hunks.push({ anchor: '', lines: [] });
    const sign = line === '' ? ' ' : line[0];
    if (sign !== ' ' && sign !== '-' && sign !== '+') {
      throw badLine(line, 'must begin with " ", "-" or "+"');
    }
    hunks.at(-1)?.lines.push({ sign, text: line.slice(1) });
  }
  return hunks.filter(({ lines }) => lines.length > 0);
}

/** Models end a part with an empty line that is of no file. */
function withoutEmptyEnd(lines: readonly string[]): readonly string[] {
  const last = lines.findLastIndex((line) => line.trim() !== '' || /^[ +-]/.test(line));
  return lines.slice(0, last + 1);
}

function badLine(line: string, why: string): Error {
  return invalidInput('patch', `the line ${JSON.stringify(line.slice(0, 100))} ${why}.`);
}
