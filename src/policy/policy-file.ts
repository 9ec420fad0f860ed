import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { errorMessage, LachesisError } from '../errors.ts';
import { LockFile, replaceFile } from '../files/index.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { PolicyKeeper, PolicyState } from './policy-state.ts';
import { readSavedPolicy, writeSavedPolicy } from './saved-policy.ts';

/** What replaces the file; a test gives its own. */
export type ReplaceFile = (file: string, parts: readonly Uint8Array[]) => Promise<void>;

/**
 * Keeps a policy in a file, whole after whatever end: the state of before or of after a change. One
 * process at a time has it, by a `FILE.lock` beside it.
 */
export class PolicyFile implements PolicyKeeper, AsyncDisposable {
  readonly path: string;
  readonly #checkpoint: Checkpoint;
  readonly #lock: LockFile;
  readonly #replace: ReplaceFile;
  readonly kept: PolicyState | undefined;
  #writing: Promise<void> | undefined;
  #broken: LachesisError | undefined;

  private constructor(
    file: string,
    parts: {
      readonly checkpoint: Checkpoint;
      readonly lock: LockFile;
      readonly replace: ReplaceFile;
      readonly kept: PolicyState | undefined;
    },
  ) {
    this.path = file;
    this.#checkpoint = parts.checkpoint;
    this.#lock = parts.lock;
    this.#replace = parts.replace;
    this.kept = parts.kept;
  }

  /**
   * Takes the file's lock and reads what is there; no file is made before something is kept.
   * @throws failed_precondition LOCKED or POLICY_FILE_FOREIGN, invalid_input POLICY_FILE_DAMAGED, and
   * infrastructure_error for what the file system refuses.
   */
  static async open(
    given: string,
    options: { readonly checkpoint: Checkpoint; readonly replace?: ReplaceFile },
  ): Promise<PolicyFile> {
    const { checkpoint, replace = replaceFile } = options;
    const file = path.resolve(given);
    using taken = new DisposableStack();
    try {
      const lock = taken.use(await LockFile.take(`${file}.lock`, `The policy ${file}`));
      const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      });
      const kept = bytes && readSavedPolicy(bytes, checkpoint, file);
      taken.move();
      return new PolicyFile(file, { checkpoint, lock, replace, kept });
    } catch (error) {
      if (error instanceof LachesisError) throw error;
      throw failure(`${file} can't be used: ${errorMessage(error)}.`, {
        remedy: 'Give a file in a folder that exists and can be written to.',
        cause: error,
      });
    }
  }

  async keep(state: PolicyState): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken;
    const writing = this.#write(state);
    this.#writing = writing.catch(() => {});
    await writing;
  }

  async #write(state: PolicyState): Promise<void> {
    try {
      await this.#replace(this.path, [writeSavedPolicy(state, this.#checkpoint)]);
    } catch (cause) {
      // What the file holds is then not what this process would go on from.
      const isUnsure = cause instanceof LachesisError && cause.reason === 'FILE_UNSYNCED';
      const what = errorMessage(cause).replace(/\.$/, '');
      if (!isUnsure) {
        throw failure(`the policy was not changed, for ${this.path} can't be written: ${what}.`, {
          remedy: 'Make room, and ask again.',
          cause,
        });
      }
      this.#broken = failure(`whether the policy was changed is not known: ${what}.`, {
        remedy: 'Restart it: it goes on from what its file then holds.',
        cause,
      });
      throw this.#broken;
    }
  }

  /** Waits for what is being written, and gives the file free. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#broken ??= failure(`${this.path} is closed.`, { remedy: 'Open it again.' });
    await this.#writing;
    this.#lock[Symbol.dispose]();
  }
}

function failure(
  message: string,
  fields: { readonly remedy: string; readonly cause?: unknown },
): LachesisError {
  return new LachesisError('infrastructure_error', message, {
    reason: 'POLICY_NOT_KEPT',
    ...fields,
  });
}
