import type { RunSettings } from '../../src/broker/index.ts';

/** A run that takes whatever comes, in batches of so many rows. */
export function runSettings(rows: number): RunSettings {
  return {
    batchSize: { kind: 'rows', rows },
    trainingPolicy: 'strict',
    maxStaleness: undefined,
    maxWaitingGroups: 2 ** 31 - 1,
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
