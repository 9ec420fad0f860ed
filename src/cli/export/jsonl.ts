import { admittedReward, type LineFormat } from './format.ts';

/** The lines as they stand. Unscored rollouts stay in as long as no reward is asked for. */
export const jsonl: LineFormat = async function* (rollouts, options) {
  for await (const read of rollouts) {
    if (options.minReward !== undefined && admittedReward(read, options) === undefined) continue;
    yield read.line;
  }
};
