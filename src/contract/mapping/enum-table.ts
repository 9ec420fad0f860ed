import { invalidInput } from '../../errors.ts';

/** A closed two-way table between a domain's words and an enum of the wire. */
export interface EnumTable<Word extends string, Wire extends number> {
  toProto(word: Word): Wire;
  /** Throws an invalid_input naming `field` for UNSPECIFIED and for numbers this build does not know. */
  fromProto(value: number, field: string): Word;
}

/** Builds the table from the numbers of each word; every word must have one. */
export function enumTable<Word extends string, Wire extends number>(
  name: string,
  numbers: Readonly<Record<Word, Wire>>,
): EnumTable<Word, Wire> {
  const words = new Map<number, Word>();
  for (const word of Object.keys(numbers) as Word[]) words.set(numbers[word], word);
  return Object.freeze({
    toProto: (word: Word) => numbers[word],
    fromProto(value: number, field: string): Word {
      const word = words.get(value);
      if (word !== undefined) return word;
      throw invalidInput(
        field,
        value === 0
          ? `is not set; a ${name} is needed.`
          : `is ${value}, which is no ${name} that this version knows.`,
        { reason: value === 0 ? 'ENUM_UNSPECIFIED' : 'ENUM_UNKNOWN' },
      );
    },
  });
}
