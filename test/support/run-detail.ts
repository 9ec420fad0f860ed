import type { RunDetail } from '../../src/broker/index.ts';

/** Of a run in which nothing happened. */
export const noRunDetail: RunDetail = Object.freeze({
  shares: { first: [], more: 0 },
  recentBatches: 0,
  waitingByStaleness: [],
  trainedByStaleness: [],
  throughput: {
    windowMs: 0,
    acceptedGroups: 0,
    acceptedRows: 0,
    acceptedTokens: 0,
    trainedGroups: 0,
    trainedRows: 0,
    trainedTokens: 0,
  },
  heldBatches: { first: [], more: 0 },
  consumers: { first: [], more: 0 },
  workers: { first: [], more: 0 },
  deadLetters: 0,
  givenUpBatches: 0,
});
