import { open, readFile, rename } from 'node:fs/promises';
import { errorMessage } from '../../errors.ts';
import { isJsonObject } from '../../messages.ts';
import type { Logger } from '../../telemetry/index.ts';
import { readTrainerRegistration, type TrainerRegistration } from './trainer-registration.ts';

/** What a trainer said of its run beside the batch size, for which the broker has no place. */
export interface SavedRegistration {
  readonly runId: string;
  /** Of the run: another one may have the same id. */
  readonly openTimeMs: number;
  readonly registration: TrainerRegistration;
  /** What the run's own step is less than the one that is told. */
  readonly stepOffset: number;
}

/** Undefined when there is none, or none that can be read: then the trainer's next word counts. */
export async function loadRegistration(
  file: string,
  logger: Logger,
): Promise<SavedRegistration | undefined> {
  if (file === '') return undefined;
  try {
    const value: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (!isJsonObject(value)) throw new Error('it is no object.');
    const runId = value['run_id'];
    const openTimeMs = value['open_time_ms'];
    const stepOffset = value['step_offset'];
    if (
      typeof runId !== 'string' ||
      typeof openTimeMs !== 'number' ||
      typeof stepOffset !== 'number'
    ) {
      throw new Error('run_id, open_time_ms or step_offset is missing.');
    }
    const registration = readTrainerRegistration(value['registration']);
    return { runId, openTimeMs, stepOffset, registration };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      logger.warn('the registration of an Atropos trainer was not read', {
        file,
        error: errorMessage(error),
      });
    }
    return undefined;
  }
}

/** Keeps it for the next start; that it can't be written is told in the log. */
export async function saveRegistration(
  saved: SavedRegistration,
  options: { readonly registrationFile: string; readonly logger: Logger },
): Promise<void> {
  const { registrationFile: file, logger } = options;
  if (file === '') return;
  try {
    await writeWhole(file, textOf(saved));
  } catch (error) {
    // The run is open all the same; only its next start would know less of it.
    logger.warn('the registration of an Atropos trainer was not saved', {
      file,
      error: errorMessage(error),
    });
  }
}

function textOf(saved: SavedRegistration): string {
  const { registration: r, runId, openTimeMs, stepOffset } = saved;
  return JSON.stringify({
    run_id: runId,
    open_time_ms: openTimeMs,
    step_offset: stepOffset,
    registration: {
      wandb_group: r.wandbGroup,
      wandb_project: r.wandbProject,
      batch_size: r.batchSize,
      max_token_len: r.maxTokenLen,
      checkpoint_dir: r.checkpointDir,
      save_checkpoint_interval: r.saveCheckpointInterval,
      starting_step: r.startingStep,
      num_steps: r.numSteps,
    },
  });
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
