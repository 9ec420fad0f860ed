import { invalidInput } from '../errors.ts';

/** Cuts bytes into views of at most `maxBytes`; empty bytes give one empty chunk, so a part always arrives. */
export function* chunksOf(
  bytes: Uint8Array,
  maxBytes: number,
): Generator<{ readonly offset: number; readonly data: Uint8Array }> {
  let offset = 0;
  do {
    yield { offset, data: bytes.subarray(offset, offset + maxBytes) };
    offset += maxBytes;
  } while (offset < bytes.length);
}

/** Puts the chunks of one payload together again; they must come in order, without gaps. */
export class ChunkAssembler {
  readonly #expectedBytes: number;
  readonly #field: string;
  readonly #pieces: Uint8Array[] = [];
  #received = 0;

  /** Memory grows with what arrives, never with what was declared. */
  constructor(expectedBytes: number, field: string) {
    this.#expectedBytes = expectedBytes;
    this.#field = field;
  }

  get expectedBytes(): number {
    return this.#expectedBytes;
  }

  get complete(): boolean {
    return this.#received === this.#expectedBytes;
  }

  add(offset: number, data: Uint8Array): void {
    if (offset !== this.#received) {
      throw invalidInput(
        `${this.#field}.offset`,
        `is ${offset}, but the next byte due is ${this.#received}.`,
        { reason: 'CHUNK_OUT_OF_ORDER' },
      );
    }
    if (offset + data.length > this.#expectedBytes) {
      throw invalidInput(
        this.#field,
        `brings ${offset + data.length} bytes where ${this.#expectedBytes} were declared.`,
        { reason: 'CHUNK_TOO_LONG' },
      );
    }
    this.#received += data.length;
    if (data.length > 0) this.#pieces.push(data);
  }

  /** Adds what comes next, where the chunks carry no offset. */
  append(data: Uint8Array): void {
    this.add(this.#received, data);
  }

  /** The whole payload. Throws when bytes are missing. */
  bytes(): Uint8Array {
    if (!this.complete) {
      throw invalidInput(
        this.#field,
        `ended after ${this.#received} of ${this.#expectedBytes} declared bytes.`,
        { reason: 'CHUNK_MISSING' },
      );
    }
    const only = this.#pieces[0];
    if (this.#pieces.length === 1 && only !== undefined) return only;
    const whole = new Uint8Array(this.#expectedBytes);
    let offset = 0;
    for (const piece of this.#pieces) {
      whole.set(piece, offset);
      offset += piece.length;
    }
    return whole;
  }
}
