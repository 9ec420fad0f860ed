import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  decodeGroup,
  encodeGroup,
  type GroupPolicy,
  ledgerFromProto,
  type Rollout,
  settleRollout,
  toStoredGroup,
  validateGroup,
} from '../../src/contract/index.ts';
import {
  BUCKETS,
  bucketOf,
  emptyLedger,
  type Ledger,
  ledgerBalance,
  type Row,
  type Segment,
  sampledLength,
  sliceRuns,
  sumLedgers,
} from '../../src/tokens/index.ts';
import type { EngineCall } from '../support/engine-log.ts';
import { episodePlan } from '../support/episode-plans.ts';
import { type PlayedEpisode, playEpisode, type RolloutPlan } from '../support/episodes.ts';

const trainingPolicies = ['strict', 'realign', 'fork', 'mask'] as const;
const failedPolicies = ['drop_rollout', 'drop_group', 'mask'] as const;
const maxRowTokens = fc.constantFrom(0, 0, 60, 150, 400);

/** What the engine's log says, which knows nothing of segments. */
function sampledBy(calls: readonly EngineCall[]): number {
  return calls.reduce((sum, { sampled }) => sum + sampled.length, 0);
}

/** Each sampled token of a sequence, named by the call and the place in it that it came from. */
function* sampledTokens({ spans }: Pick<Segment, 'spans'>) {
  let call = -1;
  let offset = 0;
  for (const { origin, length, callIndex = -1, loss } of spans) {
    if (origin !== 'sampled') continue;
    if (callIndex !== call) offset = 0;
    call = callIndex;
    for (let i = 0; i < length; i++) yield { token: `${call}:${offset++}`, loss };
  }
}

/** The sampled tokens of a row by their names in its segment, of which it may be a part. */
function tokensOfRow(row: Row, rollouts: readonly Rollout[]) {
  const rollout = rollouts.find(({ id }) => id === row.rolloutId)!;
  const segment = rollout.segments.find(({ id }) => id === row.segmentId)!;
  const before = sampledLength(sliceRuns(segment.spans, 0, row.segmentOffset ?? 0));
  const named = [...sampledTokens(segment)].slice(before);
  return [...sampledTokens(row)].map(({ loss }, at) => ({ token: named[at]!.token, loss }));
}

/**
 * The ledger counted anew, token by token: what trains a token in any segment puts it into `trained`,
 * and otherwise the segment that holds it last says what became of it.
 */
function recount(segments: readonly Segment[], sampled: number): Ledger {
  const bucket = new Map<string, keyof Ledger>();
  for (const segment of segments) {
    for (const { token, loss } of sampledTokens(segment)) {
      if (bucket.get(token) !== 'trained') bucket.set(token, bucketOf(loss)!);
    }
  }
  const counts: Record<keyof Ledger, number> = { ...emptyLedger(), sampled };
  for (const name of bucket.values()) counts[name] += 1;
  return counts;
}

function expectEncoded({ group, callsOf }: PlayedEpisode, policy: GroupPolicy, total: number) {
  const encoding = encodeGroup(group, { policy });
  const gone = sumLedgers(encoding.dropped.map(({ ledger }) => ledger));
  for (const { rolloutId, ledger } of encoding.dropped) {
    expect(ledger.sampled).toBe(sampledBy(callsOf(rolloutId)));
    expect(ledgerBalance(ledger)).toBe(0);
  }
  if (encoding.kind === 'dropped') {
    expect(encoding.dropped.map(({ rolloutId }) => rolloutId)).toEqual(
      group.rollouts.map(({ id }) => id),
    );
    expect(gone.sampled).toBe(total);
    return;
  }
  const { header, headerBytes, parts } = encoding.encoded;
  const kept = ledgerFromProto(header.ledger, 'header');
  expect(kept).toEqual(validateGroup(header, parts).ledger);
  expect(kept).toEqual(toStoredGroup(header, headerBytes, parts).ledger);
  expect(kept).toEqual(
    sumLedgers(header.rollouts.map(({ ledger }) => ledgerFromProto(ledger, ''))),
  );
  expect(kept.sampled + gone.sampled).toBe(total);
  // Nobody is both kept and dropped, and nobody is neither.
  const ids = [...header.rollouts, ...encoding.dropped].map(({ rolloutId }) => rolloutId);
  expect(ids.toSorted()).toEqual(group.rollouts.map(({ id }) => id));

  const { rows, group: decoded } = decodeGroup(header, parts);
  for (const { rolloutId, ledger } of header.rollouts) {
    const trained = rows
      .filter((row) => row.rolloutId === rolloutId)
      .flatMap((row) => tokensOfRow(row, decoded.rollouts))
      .flatMap(({ token, loss }) => (loss === 'trained' ? [token] : []));
    expect(new Set(trained).size).toBe(trained.length);
    expect(trained.length).toBe(Number(ledger!.trained));
  }
}

/** Only under `fork` is an answer trained that was sampled again, and so was never used. */
function expectNoneThrownAway({ segments }: Rollout, { steps }: RolloutPlan): void {
  const trained = segments
    .flatMap(({ spans }) => spans)
    .flatMap(({ loss, callIndex = -1 }) => (loss === 'trained' ? [callIndex] : []));
  const thrownAway = steps.flatMap(({ view }, index) => (view === 'again' ? [index] : []));
  expect(trained.filter((index) => thrownAway.includes(index))).toEqual([]);
}

test('every sampled token of the engine’s log is in one bucket, under every policy', async () => {
  const seen = new Set<string>();
  const cases = fc.record({
    trainingPolicy: fc.constantFrom(...trainingPolicies),
    maxRowTokens,
    overLength: fc.constantFrom('truncate' as const, 'drop' as const, 'split' as const),
  });
  await fc.assert(
    fc.asyncProperty(episodePlan, cases, async (plan, run) => {
      const played = await playEpisode(plan, { policy: { ...run, failedRollouts: 'mask' } });
      const { group, callsOf } = played;
      for (const rollout of group.rollouts) {
        const sampled = sampledBy(callsOf(rollout.id));
        expect(rollout.ledger.sampled).toBe(sampled);
        expect(ledgerBalance(rollout.ledger)).toBe(0);
        expect(rollout.ledger).toEqual(recount(rollout.segments, sampled));
        if (rollout.outcome.kind === 'not_scored') expect(rollout.ledger.trained).toBe(0);
        expect(settleRollout(rollout, run).rollout.ledger).toEqual(rollout.ledger);
        if (run.trainingPolicy !== 'fork')
          expectNoneThrownAway(rollout, plan.rollouts[rollout.index]!);
        for (const name of BUCKETS) if (rollout.ledger[name] > 0) seen.add(name);
      }
      const total = group.rollouts.reduce((sum, { id }) => sum + sampledBy(callsOf(id)), 0);
      for (const failedRollouts of failedPolicies) {
        expectEncoded(played, { ...run, failedRollouts }, total);
      }
    }),
    { numRuns: 250 },
  );
  // The episodes do reach the buckets that playing can fill.
  const buckets = ['abandonedRetry', 'droppedBranch', 'maskedByFailure', 'overLength', 'trained'];
  expect([...seen].sort()).toEqual(expect.arrayContaining(buckets));
});

// Known gap: a generation that is refused as it came (no logprobs, columns that disagree) leaves no
// trace in the ledger, though the engine sampled it. When this passes, take `.fails` away.
test('tokens of a generation that is refused are in the account too', async () => {
  const { group, callsOf } = await playEpisode({
    rollouts: [
      {
        steps: [{ text: 'hello', spelling: 0, ending: { kind: 'no_logprobs' } }],
        reward: 'scored',
      },
    ],
    prompt: 'hello',
    maxTurns: 2,
    callIds: 'own',
    listTools: false,
  });
  const [rollout] = group.rollouts;
  expect(rollout!.ledger.sampled).toBe(sampledBy(callsOf(rollout!.id)));
});
