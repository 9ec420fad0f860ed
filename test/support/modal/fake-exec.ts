import type { SandboxProcess } from '../../../src/sandbox/index.ts';

const PIECE_BYTES = 65_536;

/** One command in a fake sandbox: all its output is kept, so that a reader may begin anywhere. */
export class FakeExec {
  readonly #process: SandboxProcess;
  readonly #bytes = { 0: [] as Uint8Array[], 1: [] as Uint8Array[] };
  readonly #length = { 0: 0, 1: 0 };
  #isOver = false;
  #hasExited = false;
  #written = 0;
  #wake = Promise.withResolvers<void>();

  constructor(process: SandboxProcess) {
    this.#process = process;
    void this.#keep();
    void process.exited
      .catch(() => {})
      .finally(() => {
        this.#hasExited = true;
      });
  }

  get hasExited(): boolean {
    return this.#hasExited;
  }

  get exited(): SandboxProcess['exited'] {
    return this.#process.exited;
  }

  async *read(fd: 0 | 1, offset: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    let at = offset;
    while (!signal.aborted) {
      if (at < this.#length[fd]) {
        const all = Buffer.concat(this.#bytes[fd]);
        this.#bytes[fd] = [all];
        while (at < all.length) {
          const piece = all.subarray(at, at + PIECE_BYTES);
          at += piece.length;
          yield piece;
        }
        continue;
      }
      if (this.#isOver) return;
      const aborted = new Promise<void>((resolve) =>
        signal.addEventListener('abort', () => resolve(), { once: true }),
      );
      await Promise.race([this.#wake.promise, aborted]);
    }
  }

  /** The same piece may come again, where its answer was lost. */
  async write(offset: number, data: Uint8Array, eof: boolean): Promise<void> {
    const fresh = data.subarray(Math.max(0, this.#written - offset));
    this.#written += fresh.length;
    if (fresh.length > 0) await this.#process.write(fresh);
    if (eof) await this.#process.closeInput();
  }

  async #keep(): Promise<void> {
    try {
      for await (const { stream, bytes } of this.#process.output) {
        const fd = stream === 'stdout' ? 0 : 1;
        this.#bytes[fd].push(bytes);
        this.#length[fd] += bytes.length;
        this.#notify();
      }
    } catch {
      // Its box is gone, which whoever asks is told by the sandbox.
    }
    this.#isOver = true;
    this.#notify();
  }

  #notify(): void {
    const { resolve } = this.#wake;
    this.#wake = Promise.withResolvers<void>();
    resolve();
  }
}
