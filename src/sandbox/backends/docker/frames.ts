import type { OutputStream } from '../../contract/command.ts';

const HEADER_BYTES = 8;

/** Takes the daemon's stream apart: frames of both streams, each with a header of eight bytes. */
export class FrameReader {
  readonly #onBytes: (stream: OutputStream, bytes: Uint8Array) => void;
  #header = Buffer.alloc(0);
  #stream: OutputStream = 'stdout';
  #left = 0;

  constructor(onBytes: (stream: OutputStream, bytes: Uint8Array) => void) {
    this.#onBytes = onBytes;
  }

  push(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      if (this.#left > 0) {
        const piece = bytes.subarray(at, at + this.#left);
        at += piece.length;
        this.#left -= piece.length;
        this.#onBytes(this.#stream, piece);
        continue;
      }
      const piece = bytes.subarray(at, at + HEADER_BYTES - this.#header.length);
      at += piece.length;
      this.#header = Buffer.concat([this.#header, piece]);
      if (this.#header.length < HEADER_BYTES) return;
      this.#stream = this.#header[0] === 2 ? 'stderr' : 'stdout';
      this.#left = this.#header.readUInt32BE(4);
      this.#header = Buffer.alloc(0);
    }
  }
}
