import { existsSync, mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import {
  type EnvironmentCheckpoint,
  type HostedEnvironment,
  readCheckpoint,
  saveCheckpoint,
  writeCheckpoint,
} from '../environment/index.ts';
import { errorMessage, invalidInput } from '../errors.ts';

const SAVE_EVERY_MS = 30_000;

/**
 * Keeps the state of environments that have any (`checkpoint` in their definition) in a folder, a
 * file per environment: read before they are hosted, written every half minute and at the end.
 */
export class StateFolder implements AsyncDisposable {
  readonly #folder: string;
  readonly #warn: (message: string) => void;
  #environments: readonly HostedEnvironment[] = [];
  #timer: NodeJS.Timeout | undefined;
  #saving: Promise<void> | undefined;

  constructor(folder: string, warn: (message: string) => void) {
    this.#folder = usableFolder(folder);
    this.#warn = warn;
  }

  /** What an environment of this name had saved; undefined the first time. */
  read(environment: string): Promise<EnvironmentCheckpoint | undefined> {
    return readCheckpoint(this.#fileOf(environment));
  }

  /** Saves these from now on. */
  follow(environments: readonly HostedEnvironment[]): void {
    this.#environments = environments;
    this.#timer = setInterval(() => {
      // A slow save is not piled upon.
      this.#saving ??= this.#save().finally(() => {
        this.#saving = undefined;
      });
    }, SAVE_EVERY_MS);
    this.#timer.unref();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#saving;
    await this.#save();
  }

  /** A failed save is told and leaves the file as it was. */
  async #save(): Promise<void> {
    for (const environment of this.#environments) {
      try {
        const checkpoint = await saveCheckpoint(environment);
        if (checkpoint !== undefined) {
          await writeCheckpoint(this.#fileOf(environment.definition.name), checkpoint);
        }
      } catch (error) {
        this.#warn(
          `The state of ${environment.name} was not saved: ${firstLine(errorMessage(error))}\n`,
        );
      }
    }
  }

  #fileOf(environment: string): string {
    return path.join(this.#folder, `${environment}.json`);
  }
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

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}
