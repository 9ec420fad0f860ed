/**
 * Text of strangers on a terminal: files, servers and models may hold what a terminal would act on. Takes
 * one line, whatever it holds.
 */
export function visible(text: string): string {
  return visibleLines(text.replaceAll('\n', '⏎').replaceAll('\t', '⇥'));
}

/** The same with its line breaks and tabs. */
export function visibleLines(text: string): string {
  return text.replaceAll(/(?![\n\t])\p{Cc}|\p{Cf}|\p{Cs}|[\u2028\u2029]/gu, '·');
}

/** One line of JSON whose strings are what they were, with escapes for what a terminal would act on. */
export function visibleJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, (character) =>
    [...Array(character.length).keys()]
      .map((at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}
