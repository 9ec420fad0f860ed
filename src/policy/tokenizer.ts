import { createHash } from 'node:crypto';
import { invalidInput } from '../errors.ts';
import { firstPieceId, firstSpecialId, isSpecialId, specialTokens } from './special-tokens.ts';

export interface EncodeOptions {
  /** Turn the spelling of special tokens into their ids. Default false: they become plain bytes. */
  readonly allowSpecial?: boolean;
}

/**
 * A byte-level vocabulary: 256 bytes, the special tokens, then learned pieces. Every string encodes
 * and every id decodes to exact bytes. The canonical encoding is greedy longest match; other
 * spellings of the same text exist on purpose, as they do for any sampled BPE token sequence.
 */
export class Tokenizer {
  readonly pieces: readonly string[];
  readonly vocabularySize: number;
  /** `sha256:<hex>` over every id's bytes, in order. */
  readonly fingerprint: string;
  readonly #bytes: readonly Uint8Array[];
  readonly #trie: Trie;

  /** @throws invalid_input when a piece is under two bytes, repeated, or holds a digit. */
  constructor(pieces: readonly string[]) {
    this.pieces = Object.freeze([...pieces]);
    this.#bytes = vocabularyBytes(this.pieces);
    this.vocabularySize = this.#bytes.length;
    this.fingerprint = fingerprintOf(this.#bytes);
    this.#trie = buildTrie(this.#bytes);
  }

  encode(text: string, options: EncodeOptions = {}): Int32Array {
    const ids: number[] = [];
    if (options.allowSpecial !== true) {
      this.#encodePlain(text, ids);
      return Int32Array.from(ids);
    }
    for (const part of text.split(specialPattern)) {
      const index = (specialTokens as readonly string[]).indexOf(part);
      if (index >= 0) ids.push(firstSpecialId + index);
      else this.#encodePlain(part, ids);
    }
    return Int32Array.from(ids);
  }

  /** The exact bytes of a sequence; special tokens give their spelling. */
  decodeBytes(ids: Iterable<number>): Uint8Array {
    const parts: Uint8Array[] = [];
    let length = 0;
    for (const id of ids) {
      const bytes = this.bytesOf(id);
      parts.push(bytes);
      length += bytes.length;
    }
    const out = new Uint8Array(length);
    let at = 0;
    for (const part of parts) {
      out.set(part, at);
      at += part.length;
    }
    return out;
  }

  /** The text of a sequence; bytes that are not UTF-8 show as U+FFFD, so keep the ids for truth. */
  decode(ids: Iterable<number>): string {
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(this.decodeBytes(ids));
  }

  /** @throws invalid_input for an id outside the vocabulary. */
  bytesOf(id: number): Uint8Array {
    const bytes = this.#bytes[id];
    if (bytes === undefined) {
      throw invalidInput('id', `${id} is outside the vocabulary of ${this.vocabularySize} tokens.`);
    }
    return bytes;
  }

  #encodePlain(text: string, ids: number[]): void {
    const bytes = new TextEncoder().encode(text);
    const { next, ids: ends } = this.#trie;
    for (let start = 0; start < bytes.length; ) {
      let node = 0;
      let best = bytes[start]!;
      let end = start + 1;
      for (let i = start; i < bytes.length; i++) {
        node = next[node * 256 + bytes[i]!]!;
        if (node === 0) break;
        const id = ends[node]!;
        if (id !== 0) {
          best = id;
          end = i + 1;
        }
      }
      ids.push(best);
      start = end;
    }
  }
}

const specialPattern = new RegExp(
  `(${specialTokens.map((token) => token.replace(/[|\\/]/g, '\\$&')).join('|')})`,
);

interface Trie {
  /** `next[node * 256 + byte]`, 0 where no piece continues. */
  readonly next: Uint16Array;
  /** The piece that ends at a node, or 0. */
  readonly ids: Uint16Array;
}

function vocabularyBytes(pieces: readonly string[]): Uint8Array[] {
  const encoder = new TextEncoder();
  const bytes = Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte));
  for (const token of specialTokens) bytes.push(encoder.encode(token));
  const seen = new Set<string>();
  for (const [index, piece] of pieces.entries()) {
    const encoded = encoder.encode(piece);
    if (encoded.length < 2 || /\d/.test(piece) || seen.has(piece)) {
      throw invalidInput(
        `pieces[${index}]`,
        `${JSON.stringify(piece)} must be unique, at least two bytes long and free of digits.`,
      );
    }
    seen.add(piece);
    bytes.push(encoded);
  }
  return bytes;
}

function buildTrie(bytes: readonly Uint8Array[]): Trie {
  const capacity = bytes.slice(firstPieceId).reduce((sum, piece) => sum + piece.length, 1);
  const next = new Uint16Array(capacity * 256);
  const ids = new Uint16Array(capacity);
  let nodes = 1;
  for (let id = firstPieceId; id < bytes.length; id++) {
    let node = 0;
    for (const byte of bytes[id]!) {
      const slot = node * 256 + byte;
      if (next[slot] === 0) next[slot] = nodes++;
      node = next[slot]!;
    }
    ids[node] = id;
  }
  return { next, ids };
}

function fingerprintOf(bytes: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const [id, value] of bytes.entries()) {
    hash.update(`${isSpecialId(id) ? 'special' : 'piece'} ${value.length}\n`).update(value);
  }
  return `sha256:${hash.digest('hex')}`;
}
