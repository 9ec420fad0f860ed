import { LachesisError } from '../../../errors.ts';
import { LINE_STRATEGIES, type LineStrategy, matchesAt } from './match-lines.ts';

/** How `old_string` was found; the first of them, in this order, that finds anything decides. */
export type MatchStrategy = 'exact' | LineStrategy['name'] | 'escapes';

export interface Replaced {
  readonly text: string;
  readonly strategy: MatchStrategy;
  readonly replacements: number;
}

/**
 * Puts `replacement` in place of `wanted`: where it is to the letter, else where its lines are but for white
 * space, else where it is once its written escapes are read. Refuses what is found more than once.
 */
export function replaceText(
  text: string,
  wanted: string,
  replacement: string,
  { all }: { readonly all: boolean },
): Replaced {
  const exact = places(text, wanted);
  if (exact.length > 0) {
    assertOne(exact.length, all);
    return {
      text: text.split(wanted).join(replacement),
      strategy: 'exact',
      replacements: exact.length,
    };
  }
  for (const strategy of LINE_STRATEGIES) {
    const replaced = replaceLines(text, wanted, replacement, strategy, all);
    if (replaced !== undefined) return replaced;
  }
  const unescaped = withoutEscapes(wanted);
  const found = unescaped === wanted ? [] : places(text, unescaped);
  if (found.length === 0) {
    throw new LachesisError('not_found', 'old_string was not found in the file.', {
      reason: 'PATCH_NOT_FOUND',
      remedy: 'Read the file and give the text as it is there.',
    });
  }
  assertOne(found.length, all);
  return {
    text: text.split(unescaped).join(withoutEscapes(replacement)),
    strategy: 'escapes',
    replacements: found.length,
  };
}

function places(text: string, wanted: string): number[] {
  const found: number[] = [];
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) {
    found.push(at);
  }
  return found;
}

function replaceLines(
  text: string,
  wanted: string,
  replacement: string,
  strategy: LineStrategy,
  all: boolean,
): Replaced | undefined {
  const lines = text.split('\n');
  const wantedLines = linesOf(wanted);
  if (wantedLines.every((line) => line.trim() === '')) return undefined;
  const found = matchesAt(lines, wantedLines, strategy);
  if (found.length === 0) return undefined;
  assertOne(found.length, all);
  // From the end, so that what is before keeps its place.
  for (const at of found.toReversed()) {
    const there = lines.slice(at, at + wantedLines.length);
    const indented = reindented(linesOf(replacement), wantedLines, there);
    lines.splice(at, wantedLines.length, ...(replacement === '' ? [] : indented));
  }
  return { text: lines.join('\n'), strategy: strategy.name, replacements: found.length };
}

/** The new lines, moved as far to the right as what is there stands from what was asked for. */
function reindented(
  lines: readonly string[],
  wanted: readonly string[],
  there: readonly string[],
): readonly string[] {
  const first = wanted.findIndex((line) => line.trim() !== '');
  const [from, to] = [indentOf(wanted[first] ?? ''), indentOf(there[first] ?? '')];
  if (from === to) return lines;
  return lines.map((line) =>
    line.trim() !== '' && line.startsWith(from) ? to + line.slice(from.length) : line,
  );
}

function indentOf(line: string): string {
  return /^[ \t]*/.exec(line)?.[0] ?? '';
}

/** Without the empty one that a line feed at the end would give. */
function linesOf(text: string): string[] {
  const lines = text.split('\n');
  if (lines.length > 1 && lines.at(-1) === '') lines.pop();
  return lines;
}

function withoutEscapes(text: string): string {
  const letters: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' };
  return text.replace(/\\([ntr"'\\])/g, (_, letter: string) => letters[letter] ?? letter);
}

function assertOne(count: number, all: boolean): void {
  if (count === 1 || all) return;
  throw new LachesisError('failed_precondition', `Found ${count} matches of old_string.`, {
    reason: 'PATCH_AMBIGUOUS',
    remedy: 'Give more of what is around it, or use replace_all=true.',
  });
}
