/** A way in which two lines may be the same. */
export interface LineStrategy {
  readonly name: 'trailing_space' | 'indentation' | 'white_space';
  readonly form: (line: string) => string;
}

/** From the strictest to the loosest. */
export const LINE_STRATEGIES: readonly LineStrategy[] = Object.freeze([
  { name: 'trailing_space', form: (line) => line.trimEnd() },
  { name: 'indentation', form: (line) => line.trim() },
  { name: 'white_space', form: (line) => line.trim().replace(/\s+/g, ' ') },
]);

/** Where these lines are, one behind the other, without overlap. */
export function matchesAt(
  lines: readonly string[],
  wanted: readonly string[],
  { form }: Pick<LineStrategy, 'form'>,
  from = 0,
): number[] {
  const formed = lines.map(form);
  const asked = wanted.map(form);
  const found: number[] = [];
  for (let at = from; at + asked.length <= formed.length; at += 1) {
    if (!asked.every((line, i) => formed[at + i] === line)) continue;
    found.push(at);
    at += Math.max(0, asked.length - 1);
  }
  return found;
}
