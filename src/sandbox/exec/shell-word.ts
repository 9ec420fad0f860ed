/** A text as every POSIX shell reads it back: one word, in which nothing is special. */
export function shellWord(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
