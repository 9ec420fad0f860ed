/**
 * Finds the texts, the longest of several that begin at one place; undefined: there are none. It has no
 * `g`, so that nobody meets a position that another one left in it.
 */
export function controlPattern(texts: readonly string[]): RegExp | undefined {
  if (texts.length === 0) return undefined;
  const longestFirst = texts.toSorted((a, b) => b.length - a.length);
  return new RegExp(longestFirst.map(escaped).join('|'));
}

/** All places where it is found. */
export function allMatches(pattern: RegExp, text: string): RegExpExecArray[] {
  return [...text.matchAll(new RegExp(pattern.source, 'g'))];
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
