import { mkdirSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { errorMessage, invalidInput, LachesisError } from '../errors.ts';
import { LockFile } from '../files/index.ts';

/**
 * Has an output file to itself until disposed of, by a `FILE.lock` beside it: two processes that append to
 * one file would play the same rows, and cut off each other's unfinished line. Throws a
 * failed_precondition that names the process that has it, or an invalid_input that names the option.
 */
export async function lockOutput(file: string, option: string): Promise<Disposable> {
  try {
    mkdirSync(path.dirname(path.resolve(file)), { recursive: true });
    const lock = await LockFile.take(`${realPathOf(file)}.lock`, file);
    // Also when the process is ended from within, as by process.exit in an environment.
    const giveBack = (): void => lock[Symbol.dispose]();
    process.once('exit', giveBack);
    return {
      [Symbol.dispose]: () => {
        process.off('exit', giveBack);
        giveBack();
      },
    };
  } catch (error) {
    if (error instanceof LachesisError) throw error;
    throw invalidInput(option, `can't be written: ${errorMessage(error)}.`, {
      remedy: 'Give the path of a file in a folder that can be written to.',
      cause: error,
    });
  }
}

/** Of what a link leads to, so that two names of one file have one lock. */
function realPathOf(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return path.resolve(file);
  }
}
