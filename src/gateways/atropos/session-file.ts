import { open, readFile, rename } from 'node:fs/promises';
import { errorMessage } from '../../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../messages.ts';
import type { Logger } from '../../telemetry/index.ts';
import type { SavedEnvironments } from './environments.ts';
import { readTrainerRegistration, type TrainerRegistration } from './trainer-registration.ts';

/** What was said of a run for which the broker has no place: by its trainer, and by its environments. */
export interface SavedSession {
  readonly runId: string;
  /** Of the run: another one may have the same id. */
  readonly openTimeMs: number;
  readonly registration: TrainerRegistration | undefined;
  /** What the run's own step is less than the one that is told. */
  readonly stepOffset: number;
  readonly environments: SavedEnvironments;
}

/** Keeps a session for the next start. That it can't be written or read is told in the log, and no more. */
export class SessionFile {
  readonly #file: string;
  readonly #logger: Logger;
  #writing: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  /** No file: nothing is kept. */
  constructor(file: string, logger: Logger) {
    this.#file = file;
    this.#logger = logger;
  }

  /** Undefined when there is none, or none that can be read: then the next word of everyone counts. */
  async load(): Promise<SavedSession | undefined> {
    if (this.#file === '') return undefined;
    try {
      return savedOf(JSON.parse(await readFile(this.#file, 'utf8')));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#tell('read', error);
      return undefined;
    }
  }

  /** Resolves when what is so now is on disk. Who comes while another writes is written with all of those. */
  save(current: () => SavedSession): Promise<void> {
    if (this.#file === '') return this.#writing;
    this.#next ??= this.#writing.then(() => {
      this.#next = undefined;
      this.#writing = this.#write(current());
      return this.#writing;
    });
    return this.#next;
  }

  async #write(saved: SavedSession): Promise<void> {
    try {
      await writeWhole(this.#file, textOf(saved));
    } catch (error) {
      // The run is open all the same; only its next start would know less of it.
      this.#tell('saved', error);
    }
  }

  #tell(what: string, error: unknown): void {
    this.#logger.warn(`the session of an Atropos run was not ${what}`, {
      file: this.#file,
      error: errorMessage(error),
    });
  }
}

/** Throws for what {@link textOf} did not write. */
function savedOf(value: unknown): SavedSession {
  const saved = objectOf(value, 'the file');
  const environments = objectOf(saved['environments'], 'environments');
  const registration = saved['registration'];
  return {
    runId: textIn(saved, 'run_id'),
    openTimeMs: numberIn(saved, 'open_time_ms'),
    stepOffset: numberIn(saved, 'step_offset'),
    registration: registration === null ? undefined : readTrainerRegistration(registration),
    environments: {
      nextId: numberIn(environments, 'next_id'),
      counts: Object.entries(objectOf(environments['counts'], 'counts')).map(
        ([name, count]): [string, number] => [name, Number(count)],
      ),
      known: listOf(environments['known']).map((each) => {
        const one = objectOf(each, 'an environment');
        return {
          id: numberIn(one, 'id'),
          name: textIn(one, 'name'),
          contextTokens: optionalNumberIn(one, 'context_tokens'),
          weight: numberIn(one, 'weight'),
          groupSize: optionalNumberIn(one, 'group_size'),
          minShare: optionalNumberIn(one, 'min_share'),
          connected: one['connected'] === true,
        };
      }),
    },
  };
}

function textOf({ registration: r, environments, ...saved }: SavedSession): string {
  return JSON.stringify({
    run_id: saved.runId,
    open_time_ms: saved.openTimeMs,
    step_offset: saved.stepOffset,
    registration:
      r === undefined
        ? null
        : {
            wandb_group: r.wandbGroup,
            wandb_project: r.wandbProject,
            batch_size: r.batchSize,
            max_token_len: r.maxTokenLen,
            checkpoint_dir: r.checkpointDir,
            save_checkpoint_interval: r.saveCheckpointInterval,
            starting_step: r.startingStep,
            num_steps: r.numSteps,
          },
    environments: {
      next_id: environments.nextId,
      counts: Object.fromEntries(environments.counts),
      known: environments.known.map((one) => ({
        id: one.id,
        name: one.name,
        context_tokens: one.contextTokens ?? null,
        weight: one.weight,
        group_size: one.groupSize ?? null,
        min_share: one.minShare ?? null,
        connected: one.connected,
      })),
    },
  });
}

function objectOf(value: unknown, what: string): JsonObject {
  if (isJsonObject(value)) return value;
  throw new Error(`${what}: is no object.`);
}

function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  if (Array.isArray(value)) return value as readonly JsonValue[];
  throw new Error('known: is no list.');
}

function textIn(object: JsonObject, name: string): string {
  const value = object[name];
  if (typeof value === 'string') return value;
  throw new Error(`${name}: is no text.`);
}

function numberIn(object: JsonObject, name: string): number {
  const value = object[name];
  if (typeof value === 'number') return value;
  throw new Error(`${name}: is no number.`);
}

function optionalNumberIn(object: JsonObject, name: string): number | undefined {
  return object[name] === null ? undefined : numberIn(object, name);
}

/** Whole or not at all, and on disk when it resolves. */
async function writeWhole(file: string, text: string): Promise<void> {
  const unfinished = `${file}.unfinished`;
  const handle = await open(unfinished, 'w', 0o600);
  try {
    await handle.writeFile(`${text}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(unfinished, file);
}
