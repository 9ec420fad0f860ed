import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import {
  type EnvironmentCheckpoint,
  type HostedEnvironment,
  isUnfinishedCheckpoint,
  readCheckpoint,
  saveCheckpoint,
  writeCheckpoint,
} from '../environment/index.ts';
import { errorMessage, invalidInput, LachesisError } from '../errors.ts';
import { LockFile } from '../files/index.ts';
import type { CommandOption } from './command.ts';

const SAVE_EVERY_MS = 30_000;
const LOCK_NAME = 'lachesis.lock';

/** Of every command that plays environments. */
export const STATE_OPTION: CommandOption = {
  type: 'string',
  value: 'FOLDER',
  help: 'Keep the state of environments that have any (`checkpoint`) in this folder, across restarts.',
};

/** What an environment had saved, and where. */
export interface SavedState {
  readonly file: string;
  readonly checkpoint: EnvironmentCheckpoint;
}

/**
 * Keeps the state of environments that have any (`checkpoint` in their definition) in a folder, a
 * file per environment: read before they are hosted, written every half minute and at the end. One
 * process at a time: a lock file in it says which.
 */
export class StateFolder implements AsyncDisposable {
  readonly #folder: string;
  readonly #lock: LockFile;
  readonly #warn: (message: string) => void;
  #stateful: readonly HostedEnvironment[] = [];
  #timer: NodeJS.Timeout | undefined;
  #saving: Promise<unknown> | undefined;
  #ending: Promise<boolean> | undefined;

  private constructor(folder: string, lock: LockFile, warn: (message: string) => void) {
    this.#folder = folder;
    this.#lock = lock;
    this.#warn = warn;
    process.once('exit', this.#endedFromWithin);
  }

  /** Makes the folder where it is missing, and takes its lock. */
  static async open(given: string, warn: (message: string) => void): Promise<StateFolder> {
    const folder = usableFolder(given);
    using taken = new DisposableStack();
    try {
      const lock = await LockFile.take(path.join(folder, LOCK_NAME), `--state: ${folder}`);
      taken.use(lock);
      // What a killed process left; nobody else writes here now.
      for (const name of readdirSync(folder).filter(isUnfinished)) {
        rmSync(path.join(folder, name), { force: true });
      }
      taken.move();
      return new StateFolder(folder, lock, warn);
    } catch (error) {
      if (error instanceof LachesisError) throw error;
      throw invalidInput('--state', `can't be used: ${firstLine(errorMessage(error))}.`, {
        remedy: 'Give a folder that can be written to.',
        cause: error,
      });
    }
  }

  /** What an environment of this name had saved; undefined the first time. */
  async read(environment: string): Promise<SavedState | undefined> {
    const file = this.#fileOf(environment);
    try {
      const checkpoint = await readCheckpoint(file);
      return checkpoint && { file, checkpoint };
    } catch (error) {
      // Its message already begins with the file.
      if (error instanceof LachesisError) {
        throw new LachesisError(error.kind, error.message, away(file, error));
      }
      const problem = `can't be read: ${firstLine(errorMessage(error))}.`;
      throw invalidInput(file, problem, away(file, error));
    }
  }

  /** Saves these from now on. */
  follow(environments: readonly HostedEnvironment[]): void {
    this.#stateful = environments.filter(({ definition }) => definition.checkpoint !== undefined);
    if (this.#stateful.length === 0) {
      this.#warn('--state: nothing is kept, for no environment here has a `checkpoint`.\n');
      return;
    }
    this.#timer = setInterval(() => {
      // A slow save is not piled upon.
      this.#saving ??= this.#save().finally(() => {
        this.#saving = undefined;
      });
    }, SAVE_EVERY_MS);
    this.#timer.unref();
  }

  /** Saves once more and gives the folder free. False when that save failed, which was told. */
  end(): Promise<boolean> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }

  async #end(): Promise<boolean> {
    clearInterval(this.#timer);
    await this.#saving;
    const isSaved = await this.#save();
    process.off('exit', this.#endedFromWithin);
    this.#lock[Symbol.dispose]();
    return isSaved;
  }

  /** A failed save is told and leaves the file as it was. */
  async #save(): Promise<boolean> {
    const saved = this.#stateful.map(async (environment) => {
      try {
        const checkpoint = await saveCheckpoint(environment);
        if (checkpoint !== undefined) {
          await writeCheckpoint(this.#fileOf(environment.definition.name), checkpoint);
        }
        return true;
      } catch (error) {
        this.#warn(
          `The state of ${environment.name} was not saved: ${firstLine(errorMessage(error))}\n`,
        );
        return false;
      }
    });
    return (await Promise.all(saved)).every(Boolean);
  }

  /** By `process.exit` in an environment, for example, or by a second Ctrl-C. */
  readonly #endedFromWithin = (code: number): void => {
    for (const { name } of this.#stateful) {
      this.#warn(`The process ended before the state of ${name} was saved a last time.\n`);
    }
    if (this.#stateful.length > 0 && code === 0) process.exitCode = 1;
    this.#lock[Symbol.dispose]();
  };

  #fileOf(environment: string): string {
    return path.join(this.#folder, `${environment}.json`);
  }
}

/** Of state that its environment did not take: which file it is, and how to go on. */
export function stateRefused(file: string, error: LachesisError): LachesisError {
  return new LachesisError(error.kind, `${file}: ${error.message}`, away(file, error));
}

function away(file: string, cause: unknown) {
  const reason = cause instanceof LachesisError ? cause.reason : 'CHECKPOINT_UNREADABLE';
  return {
    reason,
    remedy: `To begin without that state, move ${path.basename(file)} away.`,
    cause,
  };
}

/** Not made recursively: under /proc, Node's recursive mkdir never ends. */
function usableFolder(given: string): string {
  const folder = path.resolve(given);
  const remedy = 'Give a folder whose parent exists.';
  if (given === '') throw invalidInput('--state', 'is empty.', { remedy });
  try {
    if (!existsSync(folder)) mkdirSync(folder);
  } catch (error) {
    const problem = firstLine(errorMessage(error));
    throw invalidInput('--state', `can't be made: ${problem}.`, { remedy, cause: error });
  }
  if (statSync(folder).isDirectory()) return folder;
  throw invalidInput('--state', `${given} is not a folder.`, { remedy });
}

/** Of a file that {@link StateFolder} writes. */
function isUnfinished(name: string): boolean {
  return name.includes('.json.') && isUnfinishedCheckpoint(name);
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}
