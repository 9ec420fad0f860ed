import { LachesisError } from '../../../errors.ts';
import { LINE_STRATEGIES, matchesAt } from './match-lines.ts';
import type { Hunk } from './parse-v4a.ts';

const EXACT = { form: (line: string) => line };

/** A file's text with the hunks applied in order, each behind the one before. What stays is left as it is. */
export function applyHunks(text: string, hunks: readonly Hunk[], path: string): string {
  const lines = text.split('\n');
  let from = 0;
  for (const hunk of hunks) {
    if (hunk.anchor !== '') from = placeOf(lines, [hunk.anchor], from, path) + 1;
    const old = hunk.lines.filter(({ sign }) => sign !== '+').map(({ text: line }) => line);
    const at = old.length === 0 ? endOf(lines, hunk, from) : placeOf(lines, old, from, path);
    const made: string[] = [];
    let taken = 0;
    for (const { sign, text: line } of hunk.lines) {
      if (sign === '+') made.push(line);
      else {
        if (sign === ' ') made.push(lines[at + taken] ?? '');
        taken += 1;
      }
    }
    lines.splice(at, taken, ...made);
    from = at + made.length;
  }
  return lines.join('\n');
}

/** Lines that are only added come behind their anchor, or at the end of the file. */
function endOf(lines: readonly string[], hunk: Hunk, from: number): number {
  if (hunk.anchor !== '') return from;
  return lines.at(-1) === '' ? lines.length - 1 : lines.length;
}

function placeOf(
  lines: readonly string[],
  wanted: readonly string[],
  from: number,
  path: string,
): number {
  for (const strategy of [EXACT, ...LINE_STRATEGIES]) {
    const [first] = matchesAt(lines, wanted, strategy, from);
    if (first !== undefined) return first;
  }
  const shown = wanted.slice(0, 5).join('\n');
  throw new LachesisError('not_found', `These lines were not found in ${path}:\n${shown}`, {
    reason: 'PATCH_NOT_FOUND',
    remedy: 'Read the file and give its lines as they are.',
  });
}
