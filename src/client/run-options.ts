import type { EnvironmentShare, RunSettings } from '../broker/index.ts';
import { invalidInput } from '../errors.ts';
import { type AutoPlayOptions, autoPlayOf } from './auto-play-options.ts';
import { known, shown, whole } from './checked-options.ts';

/** An environment's part in the batches. Left out: weight 1, no minimum, released when it is short. */
export type EnvironmentShareOptions = Pick<EnvironmentShare, 'environment'> &
  Partial<EnvironmentShare>;

/**
 * Settings of a run. What is left out: `strict`, any staleness, failed rollouts dropped one by one, any
 * row length (longer rows than it are truncated), any environment, no shares, no auto play, uniform
 * groups kept, admission off, and as many waiting groups as the server gives a run.
 */
export interface RunOptions
  extends Partial<Omit<RunSettings, 'batchSize' | 'autoPlay' | 'shares'>> {
  readonly batchSize: RunSettings['batchSize'];
  readonly autoPlay?: AutoPlayOptions | undefined;
  readonly shares?: readonly EnvironmentShareOptions[];
}

/** Fills in the defaults; throws the invalid_input of what the contract can't say, by the caller's names. */
export function runSettingsOf(options: RunOptions): RunSettings {
  const { autoPlay, shares = [], ...rest } = options;
  const settings: RunSettings = {
    trainingPolicy: 'strict',
    maxStaleness: undefined,
    maxWaitingGroups: 0,
    failedRollouts: 'drop_rollout',
    maxRowTokens: 0,
    overLength: 'truncate',
    environments: [],
    dropUniformGroups: false,
    admission: { kind: 'off' },
    ...rest,
    shares: sharesOf(shares),
    autoPlay: autoPlay && autoPlayOf(autoPlay),
  };
  const { batchSize, maxStaleness } = settings;
  if (batchSize.kind === 'rows') whole('batchSize.rows', batchSize.rows);
  if (batchSize.kind === 'groups') whole('batchSize.groups', batchSize.groups);
  if (batchSize.kind === 'tokens') wholeOfAnySize('batchSize.tokens', batchSize.tokens);
  if (maxStaleness !== undefined) wholeOfAnySize('maxStaleness', maxStaleness);
  whole('maxWaitingGroups', settings.maxWaitingGroups);
  whole('maxRowTokens', settings.maxRowTokens);
  return settings;
}

const SHARE: readonly (keyof EnvironmentShare)[] = [
  'environment',
  'weight',
  'minShare',
  'whenShort',
];

function sharesOf(shares: readonly EnvironmentShareOptions[]): readonly EnvironmentShare[] {
  if (!Array.isArray(shares)) throw invalidInput('shares', 'must be a list.');
  return shares.map((share: EnvironmentShareOptions, index) => {
    const field = `shares[${index}]`;
    known(field, share, SHARE);
    const { environment, weight = 1, minShare = 0, whenShort = 'release' } = share;
    if (typeof environment !== 'string') {
      throw invalidInput(`${field}.environment`, `is ${shown(environment)}; a text is needed.`);
    }
    for (const [name, value] of Object.entries({ weight, minShare })) {
      if (typeof value === 'number') continue;
      throw invalidInput(`${field}.${name}`, `is ${shown(value)}; a number is needed.`);
    }
    if (whenShort !== 'release' && whenShort !== 'wait') {
      throw invalidInput(
        `${field}.whenShort`,
        `is ${shown(whenShort)}; release or wait is needed.`,
      );
    }
    return { environment, weight, minShare, whenShort };
  });
}

function wholeOfAnySize(field: string, value: unknown): void {
  if (Number.isSafeInteger(value) && Number(value) >= 0) return;
  throw invalidInput(field, `is ${shown(value)}; a whole number, 0 or more, is needed.`);
}
