import fc from 'fast-check';
import { expect, test } from 'vitest';
import shop from '../../examples/environments/shop.ts';
import { createMemoryBroker } from '../../src/broker/index.ts';
import {
  decodeGroup,
  decodeGroupHeader,
  type EncodedGroup,
  encodeGroup,
  type GroupPolicy,
  type Rollout,
  toStoredGroup,
} from '../../src/contract/index.ts';
import { hostEnvironment, playGroup } from '../../src/environment/index.ts';
import {
  createChatmlRenderer,
  createEmbeddedEngine,
  createManagedServer,
} from '../../src/models/index.ts';
import { hermesParser } from '../../src/parsers/index.ts';
import { createEmbeddedPolicy, readBaseCheckpoint } from '../../src/policy/index.ts';
import {
  type Row,
  type Segment,
  sampledLength,
  spansLength,
  validateSequence,
} from '../../src/tokens/index.ts';
import { never } from '../broker/support/fixture.ts';
import { settings } from '../broker/support/groups.ts';
import { callsOf, type EngineCall, recordEngine, sampledRuns } from '../support/engine-log.ts';
import { episodePlan } from '../support/episode-plans.ts';
import { MARK } from '../support/episode-steps.ts';
import { playEpisode } from '../support/episodes.ts';
import { spyTokenizer } from '../support/spelling.ts';

const policies = fc.record<GroupPolicy>({
  trainingPolicy: fc.constantFrom('strict', 'realign', 'fork', 'mask'),
  failedRollouts: fc.constantFrom('drop_rollout', 'mask'),
  maxRowTokens: fc.constantFrom(0, 0, 0, 90, 200),
});

/** The bytes of a column: -0 and every last bit count. */
function bits(column: Int32Array | Float32Array | undefined): string | undefined {
  return column && Buffer.from(column.buffer, column.byteOffset, column.byteLength).toString('hex');
}

/** Holds a segment against the engine's log, and tells which calls' tokens it was the first to hold. */
function expectLogged(segment: Segment, calls: readonly EngineCall[]): number[] {
  expect(spansLength(segment.spans)).toBe(segment.tokenIds.length);
  let sampled = 0;
  const own: number[] = [];
  for (const { callIndex, start, end, own: isOwn } of sampledRuns(segment)) {
    const call = calls[callIndex]!;
    // A shared prefix may end inside no sampled turn, so each run is one whole generation.
    expect(bits(segment.tokenIds.subarray(0, start))).toBe(bits(call.prompt));
    expect(bits(segment.tokenIds.subarray(start, end))).toBe(bits(call.sampled));
    const logprobs = segment.logprobs?.subarray(sampled, sampled + end - start);
    expect(bits(logprobs)).toBe(bits(call.logprobs));
    sampled += end - start;
    if (isOwn) own.push(callIndex);
  }
  expect(segment.logprobs?.length ?? 0).toBe(sampled);
  return own;
}

function expectAllLogged(rollout: Rollout, calls: readonly EngineCall[]): void {
  const held = rollout.segments.flatMap((segment) => {
    validateSequence(segment, segment.id);
    return expectLogged(segment, calls);
  });
  const answered = calls.flatMap(({ sampled }, index) => (sampled.length > 0 ? [index] : []));
  expect(held.toSorted((a, b) => a - b)).toEqual(answered);
}

/** A row is a segment, or the start of one. */
function expectStartOf(segment: Segment, row: Row): void {
  expect(bits(row.tokenIds)).toBe(bits(segment.tokenIds.subarray(0, row.tokenIds.length)));
  expect(bits(row.logprobs)).toBe(bits(segment.logprobs?.subarray(0, sampledLength(row.spans))));
  validateSequence(row, row.id);
}

/** The bytes as a transport hands them over: parts of a pooled buffer, at odd offsets. */
function received(bytes: Uint8Array): Uint8Array {
  const pool = Buffer.alloc(bytes.length + 8, 0xee);
  pool.set(bytes, 3);
  return pool.subarray(3, 3 + bytes.length);
}

/** Through the broker, as a trainer gets it. */
async function delivered({ headerBytes, header, parts }: EncodedGroup): Promise<EncodedGroup> {
  const broker = createMemoryBroker();
  try {
    await broker.openRun('run', settings({ batchSize: { kind: 'groups', groups: 1 } }), 2);
    const consumer = { runId: 'run', consumerId: 'trainer' };
    await broker.registerConsumer({ ...consumer, worldSize: 1, mode: 'compete' });
    await broker.submit(toStoredGroup(header, headerBytes, parts.map(received)));
    const next = await broker.nextBatch({ ...consumer, rank: 0, waitMs: 0, signal: never });
    if (next.kind === 'none') throw new Error('the group is not in a batch');
    const [group] = next.batch.groups;
    const headerBack = await group!.payload.header({ signal: never });
    const stored = await group!.payload.parts({ signal: never });
    return {
      header: decodeGroupHeader(received(headerBack)),
      headerBytes: headerBack,
      parts: stored.map(received),
      digest: group!.digest,
    };
  } finally {
    await broker.close();
  }
}

test('segments and rows are the engine’s own log, bit by bit, up to the trainer', async () => {
  let trained = 0;
  await fc.assert(
    fc.asyncProperty(
      episodePlan,
      policies,
      fc.constantFrom('raw', 'raw', 'zstd'),
      async (plan, policy, codec) => {
        const { group, callsOf: calls, encoded } = await playEpisode(plan, { policy });
        for (const rollout of group.rollouts) expectAllLogged(rollout, calls(rollout.id));
        expect(encoded.filter((text) => text.includes(MARK))).toEqual([]);

        const encoding = encodeGroup(group, { policy, codec });
        if (encoding.kind === 'dropped') return;
        const { header, parts } = await delivered(encoding.encoded);
        const decoded = decodeGroup(header, parts);
        for (const rollout of decoded.group.rollouts) {
          for (const segment of rollout.segments) expectLogged(segment, calls(rollout.id));
        }
        for (const row of decoded.rows) {
          const rollout = group.rollouts.find(({ id }) => id === row.rolloutId)!;
          expectStartOf(rollout.segments.find(({ id }) => id === row.segmentId)!, row);
        }
        trained += 1;
      },
    ),
    { numRuns: 200 },
  );
  expect(trained).toBeGreaterThan(50);
});

test('the embedded policy’s own samples are kept as it drew them', async () => {
  using policy = createEmbeddedPolicy({ checkpoint: await readBaseCheckpoint() });
  const { engine, calls } = recordEngine(createEmbeddedEngine(policy));
  const spy = spyTokenizer(policy.tokenizer);
  const renderer = createChatmlRenderer({ tokenizer: spy.tokenizer });
  const environment = await hostEnvironment(shop);
  const group = await playGroup({
    environment,
    modelServer: createManagedServer({ engine, renderer, parser: hermesParser }),
    groupId: 'g',
    groupSize: 8,
    task: (await environment.tasks.get('0'))!,
    signal: never,
  });
  for (const rollout of group.rollouts) {
    const log = callsOf(calls, rollout.id);
    expectAllLogged(rollout, log);
    expect(rollout.segments).toHaveLength(1);
    // What the log says is what the weights say: no logprob belongs to another token.
    const [{ tokenIds, logprobs }] = rollout.segments as [Segment];
    const scored = await engine.score!(tokenIds, { signal: never });
    const fresh = sampledRuns(rollout.segments[0]!).flatMap(({ start, end }) => [
      ...scored.subarray(start - 1, end - 1),
    ]);
    for (const [at, logprob] of fresh.entries()) expect(logprobs![at]).toBeCloseTo(logprob, 4);
  }
  expect(calls.length).toBeGreaterThan(8);
});
