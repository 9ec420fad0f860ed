import fc from 'fast-check';
import type { RunDetail, RunSettings, RunStatus } from '../../../src/broker/index.ts';
import { emptyLedger } from '../../../src/tokens/index.ts';
import { id, runSettings, text } from './arbitraries.ts';

const count = fc.nat(Number.MAX_SAFE_INTEGER);
const ms = fc.nat(10_000_000);
const counts = fc.dictionary(text, count, { maxKeys: 3 });
const some = <T>(value: fc.Arbitrary<T>) => fc.array(value, { maxLength: 3 });
const listed = <T>(value: fc.Arbitrary<T>) => fc.record({ first: some(value), more: count });

const detail: fc.Arbitrary<RunDetail> = fc.record({
  shares: listed(
    fc.record({
      environment: text,
      waitingGroups: count,
      waitingRows: count,
      waitingTokens: count,
      recentGroups: count,
      recentRows: count,
      recentTokens: count,
      weight: fc.option(fc.double({ min: 0, noNaN: true }), { nil: undefined }),
    }),
  ),
  recentBatches: fc.nat(32),
  waitingByStaleness: some(count),
  trainedByStaleness: some(count),
  throughput: fc.record({
    windowMs: ms,
    acceptedGroups: count,
    acceptedRows: count,
    acceptedTokens: count,
    trainedGroups: count,
    trainedRows: count,
    trainedTokens: count,
  }),
  heldBatches: listed(
    fc.record({
      step: count,
      consumerId: id,
      mode: fc.constantFrom('compete' as const, 'fan_out' as const),
      delivery: count,
      worldSize: fc.nat(1_000),
      ackedRanks: fc.nat(1_000),
      missingRanks: some(fc.nat(1_000)),
      leftMs: ms,
    }),
  ),
  consumers: listed(
    fc.record({
      consumerId: id,
      mode: fc.constantFrom('compete' as const, 'fan_out' as const),
      worldSize: fc.nat(1_000),
      step: count,
      nextStep: count,
      committedStep: fc.option(count, { nil: undefined }),
      openBatches: count,
      keptBatches: count,
      holdsBack: fc.constantFrom(undefined, 'ack' as const, 'commit' as const),
      oldestMs: fc.option(ms, { nil: undefined }),
      lastSeenMs: fc.option(ms, { nil: undefined }),
    }),
  ),
  workers: listed(fc.record({ workerId: id, assignments: count, oldestMs: ms })),
  deadLetters: count,
  givenUpBatches: count,
});

export const runStatus: fc.Arbitrary<RunStatus> = fc
  .tuple(
    fc.record({
      waitingGroups: count,
      waitingRows: count,
      waitingTokens: count,
      openAssignments: count,
      openByEnvironment: counts,
      problem: text,
      leasedBatches: count,
      acceptedGroups: count,
      droppedGroups: counts,
      rollouts: count,
      notScored: count,
      recentMeanReward: fc.option(fc.double({ noNaN: true }), { nil: undefined }),
      oldestWaitingMs: fc.option(ms, { nil: undefined }),
    }),
    detail,
    runSettings,
  )
  .map(([totals, more, settings]) => ({
    run: runOf(settings),
    ledger: emptyLedger(),
    ...totals,
    ...more,
  }));

function runOf(settings: RunSettings): RunStatus['run'] {
  return { id: 'run', settings, policyVersion: 3, step: 2, closed: false, openTimeMs: 5 };
}
