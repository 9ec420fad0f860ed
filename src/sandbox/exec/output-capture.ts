import type { CapturedOutput } from '../contract/command.ts';

const HEAD_SHARE = 0.4;
const FIRST_TAIL_BYTES = 4_096;
const NONE = new Uint8Array(0);

/** Keeps the beginning and the end of a stream of any length in bounded memory. */
export class OutputCapture {
  readonly #maxHead: number;
  readonly #maxTail: number;
  #head: Uint8Array = NONE;
  #headLength = 0;
  /** A ring once it is as long as it may be. */
  #tail: Uint8Array = NONE;
  #tailLength = 0;
  #tailEnd = 0;
  #totalBytes = 0;

  constructor(maxBytes: number, headShare: number = HEAD_SHARE) {
    this.#maxHead = Math.floor(maxBytes * headShare);
    this.#maxTail = maxBytes - this.#maxHead;
  }

  get totalBytes(): number {
    return this.#totalBytes;
  }

  push(bytes: Uint8Array): void {
    this.#totalBytes += bytes.length;
    const forHead = Math.min(bytes.length, this.#maxHead - this.#headLength);
    if (forHead > 0) {
      this.#head = grown(this.#head, this.#headLength, forHead, this.#maxHead);
      this.#head.set(bytes.subarray(0, forHead), this.#headLength);
      this.#headLength += forHead;
    }
    if (forHead < bytes.length) this.#pushTail(bytes.subarray(forHead));
  }

  /** A copy of what is kept now. */
  captured(): CapturedOutput {
    const tail = new Uint8Array(this.#tailLength);
    const start = this.#tailEnd - this.#tailLength;
    if (start >= 0) tail.set(this.#tail.subarray(start, this.#tailEnd));
    else {
      tail.set(this.#tail.subarray(this.#tail.length + start));
      tail.set(this.#tail.subarray(0, this.#tailEnd), -start);
    }
    return {
      head: this.#head.slice(0, this.#headLength),
      tail,
      omittedBytes: this.#totalBytes - this.#headLength - this.#tailLength,
      totalBytes: this.#totalBytes,
    };
  }

  #pushTail(bytes: Uint8Array): void {
    const given =
      bytes.length > this.#maxTail ? bytes.subarray(bytes.length - this.#maxTail) : bytes;
    if (this.#tailLength < this.#maxTail) {
      const room = Math.min(given.length, this.#maxTail - this.#tailLength);
      this.#tail = grown(this.#tail, this.#tailLength, room, this.#maxTail);
    }
    const first = Math.min(given.length, this.#tail.length - this.#tailEnd);
    this.#tail.set(given.subarray(0, first), this.#tailEnd);
    this.#tail.set(given.subarray(first), 0);
    this.#tailEnd += given.length;
    if (this.#tailEnd > this.#tail.length) this.#tailEnd -= this.#tail.length;
    this.#tailLength = Math.min(this.#tailLength + given.length, this.#maxTail);
  }
}

/** The array itself when `more` bytes fit after `used` ones, else one of twice the room. */
function grown(array: Uint8Array, used: number, more: number, most: number): Uint8Array {
  if (used + more <= array.length) return array;
  const larger = new Uint8Array(
    Math.min(most, Math.max(used + more, array.length * 2, FIRST_TAIL_BYTES)),
  );
  larger.set(array.subarray(0, used));
  return larger;
}

/** All kept bytes in order. Whoever needs them whole looks at `omittedBytes` first. */
export function outputBytes({ head, tail }: CapturedOutput): Uint8Array {
  const all = new Uint8Array(head.length + tail.length);
  all.set(head);
  all.set(tail, head.length);
  return all;
}
