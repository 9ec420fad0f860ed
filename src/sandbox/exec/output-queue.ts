import type { OutputChunk, OutputStream } from '../contract/command.ts';

/** What may wait to be read before whoever brings it is held back. */
const HIGH_WATER_BYTES = 262_144;

/** Brings the chunks of two pushing streams to one reader, and tells the pushers when it has had enough. */
export class OutputQueue implements AsyncIterable<OutputChunk> {
  readonly #waiting: OutputChunk[] = [];
  #waitingBytes = 0;
  #isEnded = false;
  #error: unknown;
  #wake: (() => void) | undefined;
  readonly #onRoom: () => void;

  /** `onRoom` is called when a full queue was read. */
  constructor(onRoom: () => void) {
    this.#onRoom = onRoom;
  }

  /** False when no more should be pushed until there is room. */
  push(stream: OutputStream, bytes: Uint8Array): boolean {
    if (this.#isEnded) return true;
    this.#waiting.push({ stream, bytes });
    this.#waitingBytes += bytes.length;
    this.#wake?.();
    return this.#waitingBytes < HIGH_WATER_BYTES;
  }

  /** What waits is still read. With an error the reading ends in it. */
  end(error?: unknown): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#error = error;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<OutputChunk> {
    for (;;) {
      const chunks = this.#waiting.splice(0);
      const wasFull = this.#waitingBytes >= HIGH_WATER_BYTES;
      this.#waitingBytes = 0;
      if (wasFull) this.#onRoom();
      yield* chunks;
      if (this.#waiting.length > 0) continue;
      if (this.#isEnded) break;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
    if (this.#error !== undefined) throw this.#error;
  }
}
