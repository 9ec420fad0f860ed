/**
 * Learns the vocabulary's pieces from text. It starts from words, digits and punctuation runs, joins
 * two neighbours that nearly always occur together (JSON scaffolding, mostly), then keeps what saves
 * the most tokens. `atoms` always become pieces of their own and are never joined to anything.
 */
export function learnPieces(
  texts: readonly string[],
  atoms: readonly string[],
  count: number,
): string[] {
  const kept = new Set(atoms);
  let sequences = texts.map((text) => split(text, atoms));
  for (;;) {
    const pair = inseparablePair(sequences, kept);
    if (pair === undefined) break;
    sequences = sequences.map((sequence) => join(sequence, pair));
  }
  const saved = new Map<string, number>();
  for (const part of sequences.flat()) {
    if (isPiece(part)) saved.set(part, (saved.get(part) ?? 0) + part.length - 1);
  }
  const ranked = [...saved].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  for (const [part] of ranked) if (kept.size < count) kept.add(part);
  return [...kept];
}

function split(text: string, atoms: readonly string[]): string[] {
  const pattern = new RegExp(`${atoms.join('|')}|[A-Za-z]+ ?|\\d|[^A-Za-z\\d]+`, 'g');
  return text.match(pattern) ?? [];
}

function isPiece(part: string): boolean {
  return part.length > 1 && !/\d/.test(part);
}

/** The most frequent pair where each half is followed or preceded by the other 95% of the time. */
function inseparablePair(
  sequences: readonly (readonly string[])[],
  atoms: ReadonlySet<string>,
): readonly [string, string] | undefined {
  const single = new Map<string, number>();
  const pairs = new Map<string, { readonly pair: [string, string]; count: number }>();
  for (const sequence of sequences) {
    for (const [i, part] of sequence.entries()) {
      single.set(part, (single.get(part) ?? 0) + 1);
      const next = sequence[i + 1];
      if (next === undefined || atoms.has(part) || atoms.has(next)) continue;
      if (/\d/.test(part + next)) continue;
      const key = `${part}\0${next}`;
      const entry = pairs.get(key) ?? { pair: [part, next], count: 0 };
      entry.count += 1;
      pairs.set(key, entry);
    }
  }
  const joined = [...pairs.values()].filter(({ pair: [left, right], count }) => {
    const most = Math.max(single.get(left) ?? 0, single.get(right) ?? 0);
    return count >= 100 && count >= 0.95 * most;
  });
  joined.sort((a, b) => b.count - a.count || (a.pair.join() < b.pair.join() ? -1 : 1));
  return joined[0]?.pair;
}

function join(sequence: readonly string[], [left, right]: readonly [string, string]): string[] {
  const out: string[] = [];
  for (const part of sequence) {
    if (part === right && out.at(-1) === left) out[out.length - 1] = left + right;
    else out.push(part);
  }
  return out;
}
