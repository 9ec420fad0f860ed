import { randomInt } from 'node:crypto';
import type { RunSettings } from '../../broker/index.ts';
import { laxInteger, model, required, text } from './lax-values.ts';
import { Unprocessable } from './unprocessable.ts';

/** What a trainer says of its run. */
export interface TrainerRegistration {
  readonly wandbGroup: string;
  readonly wandbProject: string;
  /** In sequences. */
  readonly batchSize: number;
  readonly maxTokenLen: number;
  readonly checkpointDir: string;
  readonly saveCheckpointInterval: number;
  readonly startingStep: number;
  readonly numSteps: number;
}

const MAX_BATCH_ROWS = 2 ** 31 - 1;

export function readTrainerRegistration(value: unknown): TrainerRegistration {
  const body = model(value, []);
  const textOf = (name: string): string => text(required(body, name), [name]);
  const integerOf = (name: string): number => laxInteger(required(body, name), [name]);
  const registration = {
    wandbGroup: textOf('wandb_group'),
    wandbProject: textOf('wandb_project'),
    batchSize: integerOf('batch_size'),
    maxTokenLen: integerOf('max_token_len'),
    checkpointDir: textOf('checkpoint_dir'),
    saveCheckpointInterval: integerOf('save_checkpoint_interval'),
    startingStep: integerOf('starting_step'),
    numSteps: integerOf('num_steps'),
  };
  if (registration.batchSize < 1) {
    throw new Unprocessable(['batch_size'], 'greater_than', 'Input should be greater than 0');
  }
  if (registration.batchSize > MAX_BATCH_ROWS) {
    const detail = `Input should be at most ${MAX_BATCH_ROWS}`;
    throw new Unprocessable(['batch_size'], 'out_of_range', detail);
  }
  return registration;
}

/** Atropos trains on whatever is pushed: nothing is cut, dropped or too old. */
export function runSettingsOf(
  { batchSize }: Pick<TrainerRegistration, 'batchSize'>,
  maxWaitingGroups: number,
): RunSettings {
  return {
    batchSize: { kind: 'rows', rows: batchSize },
    trainingPolicy: 'strict',
    maxStaleness: undefined,
    maxWaitingGroups,
    failedRollouts: 'drop_rollout',
    maxRowTokens: 0,
    environments: [],
    autoPlay: undefined,
    dropUniformGroups: false,
    overLength: 'truncate',
    shares: [],
    admission: { kind: 'off' },
  };
}

/** An integer that nobody reads; of at most 48 bits, so that every JSON reader keeps its digits. */
export function registrationUuid(): number {
  return randomInt(1, 2 ** 48 - 1);
}
