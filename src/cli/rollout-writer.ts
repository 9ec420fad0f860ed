import { createWriteStream, mkdirSync, openSync, type WriteStream } from 'node:fs';
import path from 'node:path';
import { finished } from 'node:stream/promises';
import { type Rollout, writeRolloutLine } from '../contract/index.ts';
import { errorMessage, invalidInput, LachesisError } from '../errors.ts';

/** Appends finished rollouts to a rollout file (docs/rollout-file.md), as they come. */
export class RolloutWriter implements AsyncDisposable {
  readonly path: string;
  readonly #stream: WriteStream;
  #failure: Error | undefined;
  #count = 0;

  /** Opens the file at once, so that a path that can't be written to is told before anything is played. */
  constructor(file: string, option = '--rollouts') {
    this.path = path.resolve(file);
    let fd: number;
    try {
      mkdirSync(path.dirname(this.path), { recursive: true });
      fd = openSync(this.path, 'a');
    } catch (error) {
      throw invalidInput(option, `can't be written: ${errorMessage(error)}.`, {
        remedy: 'Give the path of a file; its folder is made when it is missing.',
        cause: error,
      });
    }
    this.#stream = createWriteStream(this.path, { fd });
    this.#stream.on('error', (error) => {
      this.#failure ??= error;
    });
  }

  /** Rollouts written. */
  get count(): number {
    return this.#count;
  }

  /** What went wrong while writing, such as a full disk: what is given after it is lost. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  write(rollout: Rollout, runId: string): void {
    if (this.#failure !== undefined) return;
    this.#stream.write(`${writeRolloutLine(rollout, runId)}\n`);
    this.#count += 1;
  }

  /** Flushes; throws an infrastructure_error of what went wrong while writing, such as a full disk. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#failure === undefined) {
      this.#stream.end();
      await finished(this.#stream).catch((error: Error) => {
        this.#failure ??= error;
      });
    }
    if (this.#failure === undefined) return;
    throw new LachesisError(
      'infrastructure_error',
      `${this.path} can't be written to any more: ${this.#failure.message}.`,
      {
        reason: 'ROLLOUT_FILE_LOST',
        remedy: 'What came before is in it; make room, and run it again.',
        cause: this.#failure,
      },
    );
  }
}
