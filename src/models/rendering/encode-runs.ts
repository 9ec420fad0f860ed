import type { RenderedPiece } from './chat-renderer.ts';
import { concatIds } from './concat-ids.ts';
import { allMatches, controlPattern } from './control-pattern.ts';
import type { TextOwner, TextRun } from './marked-text.ts';
import type { ControlToken, ModelTokenizer } from './model-tokenizer.ts';

/** Turns the runs of a rendered text into ids. */
export interface RunEncoder {
  /**
   * Only the template's own text yields control tokens. Between two of them the text is encoded in
   * one go, whoever wrote it, as the model's own tokenizer would. `continues`: tokens stand before it.
   */
  encode(runs: readonly TextRun[], options: { readonly continues: boolean }): RenderedPiece[];
  /** Where the template's own text spells control tokens. */
  controlsIn(
    text: string,
  ): { readonly token: ControlToken; readonly start: number; readonly end: number }[];
}

export function createRunEncoder(tokenizer: ModelTokenizer): RunEncoder {
  const control = controlPattern(tokenizer.controlTokens.map(({ text }) => text));
  const byText = new Map(tokenizer.controlTokens.map((token) => [token.text, token]));
  const align = createAligner(tokenizer);
  const encodeText = createMemo(tokenizer);

  const controlsIn: RunEncoder['controlsIn'] = (text) =>
    control === undefined
      ? []
      : allMatches(control, text).map((match) => ({
          token: byText.get(match[0])!,
          start: match.index,
          end: match.index + match[0].length,
        }));

  return {
    controlsIn,
    encode(runs, { continues }) {
      const pieces: RenderedPiece[] = [];
      let plain: TextRun[] = [];
      let strips = false;
      const flush = (stripsEnd: boolean): void => {
        const parts = trimmed(plain, strips, stripsEnd);
        plain = [];
        const text = parts.map((part) => part.text).join('');
        if (text === '') return;
        const ids = encodeText(text, continues || pieces.length > 0);
        pieces.push(...align(parts, ids));
      };
      for (const { text, owner } of runs) {
        let from = 0;
        for (const { token, start, end } of owner === undefined ? controlsIn(text) : []) {
          if (start > from) plain.push({ text: text.slice(from, start), owner });
          flush(token.stripsBefore);
          pieces.push({ tokenIds: Int32Array.of(token.id), origin: 'template' });
          strips = token.stripsAfter;
          from = end;
        }
        if (from < text.length) plain.push({ text: text.slice(from), owner });
      }
      flush(false);
      return merged(pieces);
    },
  };
}

const MEMO_CHARACTERS = 1_000_000;
const MEMO_LONGEST = 50_000;

/** Texts come again: counted before they are sent, and written anew when history is. The latest are kept. */
function createMemo(tokenizer: ModelTokenizer): (text: string, continues: boolean) => Int32Array {
  const known = new Map<string, Int32Array>();
  let characters = 0;
  return (text, continues) => {
    const key = (continues ? '+' : '-') + text;
    const found = known.get(key);
    if (found !== undefined) {
      known.delete(key);
      known.set(key, found);
      return found;
    }
    const ids = tokenizer.encodeText(text, { continues });
    if (text.length > MEMO_LONGEST) return ids;
    known.set(key, ids);
    characters += key.length;
    for (const oldest of known.keys()) {
      if (characters <= MEMO_CHARACTERS) break;
      known.delete(oldest);
      characters -= oldest.length;
    }
    return ids;
  };
}

function trimmed(parts: readonly TextRun[], start: boolean, end: boolean): readonly TextRun[] {
  if (!start && !end) return parts;
  return parts.map(({ text, owner }, index) => {
    const left = start && index === 0 ? text.trimStart() : text;
    return { text: end && index === parts.length - 1 ? left.trimEnd() : left, owner };
  });
}

const TEMPLATE: TextOwner = Object.freeze({ origin: 'template' });

/** Says whose each of the ids is: that of the text it spells, a message's where it spells two. */
function createAligner(tokenizer: ModelTokenizer) {
  const encoder = new TextEncoder();
  const sizes = new Map<number, number>();
  const sizeOf = (id: number): number => {
    const known = sizes.get(id);
    if (known !== undefined) return known;
    const size = tokenizer.bytesOf(id)?.length ?? 0;
    sizes.set(id, size);
    return size;
  };
  /** A normal form that only rewrites characters; the others add spaces, which are counted apart. */
  const isCharacterwise = tokenizer.normalize('a b') === 'a b';
  const byteLength = (text: string): number =>
    encoder.encode(isCharacterwise ? tokenizer.normalize(text) : text).length;

  return (parts: readonly TextRun[], ids: Int32Array): RenderedPiece[] => {
    const owners = parts.map(({ owner }) => owner);
    if (new Set(owners).size === 1) return [pieceOf(ids, owners[0])];
    const lengths = parts.map(({ text }) => byteLength(text));
    const total = lengths.reduce((sum, length) => sum + length, 0);
    // A space that starts a text is in no part of it.
    const extra = ids.reduce((sum, id) => sum + sizeOf(id), 0) - total;
    if (extra !== 0 && extra !== 1) return [pieceOf(ids, longest(parts).owner)];

    const pieces: RenderedPiece[] = [];
    let part = 0;
    let partEnd = lengths[0]!;
    let at = -extra;
    for (const id of ids) {
      while (at >= partEnd && part < parts.length - 1) partEnd += lengths[++part]!;
      const first = owners[part];
      at += sizeOf(id);
      while (at > partEnd && part < parts.length - 1) partEnd += lengths[++part]!;
      pieces.push(pieceOf(Int32Array.of(id), owners[part] ?? first));
    }
    return merged(pieces);
  };
}

function longest(parts: readonly TextRun[]): TextRun {
  return parts
    .filter(({ owner }) => owner !== undefined)
    .reduce((best, part) => (part.text.length > best.text.length ? part : best));
}

function pieceOf(tokenIds: Int32Array, owner: TextOwner = TEMPLATE): RenderedPiece {
  return { tokenIds, ...owner };
}

/** Pieces with neighbours of one owner joined. */
function merged(pieces: readonly RenderedPiece[]): RenderedPiece[] {
  const groups: RenderedPiece[][] = [];
  for (const piece of pieces) {
    const group = groups.at(-1);
    const last = group?.[0];
    const isSame = last?.origin === piece.origin && last.messageIndex === piece.messageIndex;
    if (group !== undefined && isSame) group.push(piece);
    else groups.push([piece]);
  }
  return groups.map((group) => ({
    ...group[0]!,
    tokenIds: concatIds(group.map(({ tokenIds }) => tokenIds)),
  }));
}
