import { refusedEntry } from './refused-entry.ts';

const BLOCK = 512;
/** Beyond it the decoder refuses such an entry. */
const MAX_META_BYTES = 1_048_576;
const decoder = new TextDecoder();

/** Those that say something of the next entry, or of all. */
const META = new Set(['x', 'g', 'L', 'K']);
const BODYLESS = new Set(['1', '2', '3', '4', '5', '6']);
/** Also as old archives have it, and `contiguous`. */
const FILE = new Set(['0', '\0', '7']);

/**
 * The same bytes. Refuses what the decoder would give as a plain file though it is none, such as a sparse file
 * of GNU's old format: it keeps an entry's type only where it knows it.
 */
export async function* knownTypes(
  tar: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  const walk = new HeaderWalk();
  for await (const bytes of tar) {
    walk.take(bytes);
    yield bytes;
  }
}

/** Goes from header to header. What is damaged is the decoder's to refuse. */
class HeaderWalk {
  readonly #header = Buffer.alloc(BLOCK);
  #filled = 0;
  /** Of a body and its padding, which are passed over. */
  #left = 0;
  /** The body of a `x` or `g` header. */
  #meta: { readonly isGlobal: boolean; readonly size: number; bytes: Buffer } | undefined;
  #nextSize: number | undefined;
  #globalSize: number | undefined;
  #isDamaged = false;

  take(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && !this.#isDamaged; ) {
      const wanted = this.#left > 0 ? this.#left : BLOCK - this.#filled;
      const piece = bytes.subarray(at, at + wanted);
      at += piece.length;
      if (this.#left > 0) this.#pass(piece);
      else {
        this.#header.set(piece, this.#filled);
        this.#filled += piece.length;
        if (this.#filled === BLOCK) this.#read();
      }
    }
  }

  #pass(piece: Uint8Array): void {
    this.#left -= piece.length;
    if (this.#meta === undefined) return;
    this.#meta.bytes = Buffer.concat([this.#meta.bytes, piece]);
    if (this.#left > 0) return;
    const { isGlobal, size, bytes } = this.#meta;
    this.#meta = undefined;
    const told = sizeRecord(bytes.subarray(0, size));
    if (isGlobal) this.#globalSize = told ?? this.#globalSize;
    else this.#nextSize = told;
  }

  #read(): void {
    this.#filled = 0;
    const header = this.#header;
    // The end of an archive is blocks of zeros.
    if (header.every((byte) => byte === 0)) return;
    if (!isIntact(header)) {
      this.#isDamaged = true;
      return;
    }
    const type = String.fromCharCode(header[156] ?? 0);
    const size = numberAt(header.subarray(124, 136));
    if (META.has(type)) {
      this.#nextSize = undefined;
      this.#left = padded(size);
      const isPax = type === 'x' || type === 'g';
      if (isPax && size > 0 && size <= MAX_META_BYTES) {
        this.#meta = { isGlobal: type === 'g', size, bytes: Buffer.alloc(0) };
      }
      return;
    }
    const own = this.#nextSize ?? this.#globalSize ?? size;
    this.#nextSize = undefined;
    this.#left = BODYLESS.has(type) ? 0 : padded(own);
    if (BODYLESS.has(type) || FILE.has(type)) return;
    const name = decoder.decode(header.subarray(0, 100)).replace(/\0.*$/s, '');
    const what = type === 'S' ? 'is a sparse file' : `is of type ${JSON.stringify(type)}`;
    throw refusedEntry(name, what);
  }
}

/** By its checksum, for which its own eight bytes count as spaces. */
function isIntact(header: Buffer): boolean {
  const own = header.subarray(148, 156).reduce((sum, byte) => sum + byte, 0);
  const sum = header.reduce((total, byte) => total + byte, 0) - own + 8 * 0x20;
  return numberAt(header.subarray(148, 156)) === sum;
}

function padded(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK;
}

/** In octal, or in GNU's way for what is larger. 0 where it is damaged. */
function numberAt(field: Buffer): number {
  const first = field[0] ?? 0;
  if ((first & 0x80) === 0) {
    const octal = /^[ ]*([0-7]*)/.exec(decoder.decode(field))?.[1];
    return Number.parseInt(octal || '0', 8);
  }
  const value = field.subarray(1).reduce((sum, byte) => sum * 256 + byte, first & 0x7f);
  return Number.isSafeInteger(value) ? value : 0;
}

/** What the records of a pax header say of the size; the last one counts. */
function sizeRecord(records: Buffer): number | undefined {
  let size: number | undefined;
  for (let at = 0; at < records.length; ) {
    const length = Number.parseInt(decoder.decode(records.subarray(at, at + 20)), 10);
    if (!(length > 0)) break;
    const [, value] =
      /^\d+ size=(\d+)\n?$/.exec(decoder.decode(records.subarray(at, at + length))) ?? [];
    if (value !== undefined && Number.isSafeInteger(Number(value))) size = Number(value);
    at += length;
  }
  return size;
}
