import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs';
import path from 'node:path';
import { finished } from 'node:stream/promises';
import { type Rollout, writeRolloutLine } from '../contract/index.ts';

/** Appends finished rollouts to a rollout file (docs/rollout-file.md), as they come. */
export class RolloutWriter implements AsyncDisposable {
  readonly path: string;
  readonly #stream: WriteStream;
  #failure: Error | undefined;
  #count = 0;

  constructor(file: string) {
    this.path = path.resolve(file);
    mkdirSync(path.dirname(this.path), { recursive: true });
    this.#stream = createWriteStream(this.path, { flags: 'a' });
    this.#stream.on('error', (error) => {
      this.#failure ??= error;
    });
  }

  /** Rollouts written. */
  get count(): number {
    return this.#count;
  }

  write(rollout: Rollout, runId: string): void {
    if (this.#failure !== undefined) return;
    this.#stream.write(`${writeRolloutLine(rollout, runId)}\n`);
    this.#count += 1;
  }

  /** Flushes; throws what went wrong while writing, such as a full disk. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#failure === undefined) {
      this.#stream.end();
      await finished(this.#stream).catch((error: Error) => {
        this.#failure ??= error;
      });
    }
    if (this.#failure !== undefined) throw this.#failure;
  }
}
