import { invalidInput } from '../../errors.ts';

/** A number as an option or a variable says it; `name` is told when it is none. */
export interface NumberRange {
  readonly least?: number;
  /** Default: true. */
  readonly whole?: boolean;
}

export function readNumber(
  text: string,
  name: string,
  { least = 0, whole = true }: NumberRange = {},
): number {
  const value = Number(text);
  const isFit = whole ? Number.isSafeInteger(value) && value >= least : value > 0;
  if (text.trim() !== '' && Number.isFinite(value) && isFit) return value;
  const wanted = whole ? `a whole number of at least ${least}` : 'a number above 0';
  throw invalidInput(name, `is "${text}"; give ${wanted}.`);
}

export function readWord<Word extends string>(
  text: string,
  name: string,
  words: readonly Word[],
): Word {
  const word = words.find((known) => known === text);
  if (word !== undefined) return word;
  throw invalidInput(name, `is "${text}"; give ${words.join(', ')}.`);
}
