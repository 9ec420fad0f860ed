import { describe, expect, test } from 'vitest';
import {
  FIRST_CALL,
  type JudgedCall,
  ledgerBalance,
  type OverLength,
  type Segment,
  SegmentBuilder,
  settle,
  type TrainingPolicy,
  trainedLength,
} from '../../src/tokens/index.ts';

const rendering = { tokenizerSha256: '', templateSha256: '' };

/** Prompt of 2, answer of 3, tool of 1, answer of 4: 7 sampled tokens. */
function linear(): Segment {
  const builder = new SegmentBuilder({ id: 's0', reason: 'start', rendering });
  builder.append([1, 2], { origin: 'prompt' });
  builder.appendSampled(Int32Array.of(3, 4, 5), Float32Array.of(-1, -1, -1), {
    callIndex: 0,
    announcedVersion: 1,
  });
  builder.append([6], { origin: 'tool' });
  builder.appendSampled(Int32Array.of(7, 8, 9, 10), Float32Array.of(-2, -2, -2, -2), {
    callIndex: 1,
    announcedVersion: 2,
  });
  return builder.build();
}

/** The second answer sampled again, 2 tokens long. */
function branchOf(parent: Segment): Segment {
  const builder = new SegmentBuilder({
    id: 's1',
    reason: 'branch',
    parent: { id: parent.id, sharedTokens: 6 },
    rendering,
  });
  builder.appendPrefixOf(parent, 6);
  builder.appendSampled(Int32Array.of(11, 12), Float32Array.of(-3, -3), {
    callIndex: 2,
    announcedVersion: 2,
  });
  return builder.build();
}

function settled(
  segments: readonly Segment[],
  sampledTokens: number,
  change: {
    policy?: TrainingPolicy;
    masked?: boolean;
    maxRowTokens?: number;
    overLength?: OverLength;
    calls?: readonly JudgedCall[];
  } = {},
) {
  return settle({
    rolloutId: 'r',
    segments,
    calls: [],
    sampledTokens,
    policy: 'strict',
    masked: false,
    maxRowTokens: 0,
    ...change,
  });
}

test.each(['strict', 'realign', 'fork', 'mask'] as const)(
  'a linear rollout is one row with every sampled token trained under %s',
  (policy) => {
    const { rows, ledger } = settled([linear()], 7, { policy });
    expect(rows).toHaveLength(1);
    expect(trainedLength(rows[0]!.spans)).toBe(7);
    expect(ledger).toMatchObject({ sampled: 7, trained: 7 });
    expect(ledgerBalance(ledger)).toBe(0);
  },
);

test.each([
  ['strict', 1, { trained: 5, droppedBranch: 4 }],
  ['realign', 1, { trained: 5, droppedBranch: 4 }],
  ['fork', 2, { trained: 9, droppedBranch: 0 }],
  ['mask', 1, { trained: 0, maskedByFailure: 9, droppedBranch: 0 }],
] as const)('an answer sampled twice under %s', (policy, rowCount, buckets) => {
  const parent = linear();
  const calls = [
    FIRST_CALL,
    { ...FIRST_CALL, continues: 0 },
    { ...FIRST_CALL, continues: 0, passesOver: [1] },
  ];
  const { rows, ledger } = settled([parent, branchOf(parent)], 9, { policy, calls });
  expect(ledger).toMatchObject({ sampled: 9, ...buckets });
  expect(ledgerBalance(ledger)).toBe(0);
  expect(rows).toHaveLength(rowCount);
  expect(rows.reduce((sum, row) => sum + trainedLength(row.spans), 0)).toBe(ledger.trained);
});

test('under fork the shared prefix is trained once and is context the second time', () => {
  const parent = linear();
  const { rows } = settled([parent, branchOf(parent)], 9, { policy: 'fork' });
  expect(rows[1]!.spans.map(({ length, loss }) => [length, loss])).toEqual([
    [2, 'not_sampled'],
    [3, 'context_only'],
    [1, 'not_sampled'],
    [2, 'trained'],
  ]);
});

test('a rewritten history keeps the first segment trained and trains the new tokens of the second', () => {
  const first = linear();
  const builder = new SegmentBuilder({
    id: 's1',
    reason: 'history_rewritten',
    parent: { id: 's0', sharedTokens: 2 },
    rendering,
  });
  builder.appendPrefixOf(first, 2);
  builder.append([20, 21], { origin: 'foreign' });
  builder.appendSampled(Int32Array.of(22), Float32Array.of(-1), {
    callIndex: 2,
    announcedVersion: 2,
  });
  const { rows, ledger } = settled([first, builder.build()], 8);
  expect(rows.map((row) => trainedLength(row.spans))).toEqual([7, 1]);
  expect(ledgerBalance(ledger)).toBe(0);
});

test('a row is cut at its longest length and the rest is counted as over length', () => {
  const { rows, ledger, segments } = settled([linear()], 7, { maxRowTokens: 8 });
  const row = rows[0]!;
  expect([...row.tokenIds]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(row.logprobs).toEqual(Float32Array.of(-1, -1, -1, -2, -2));
  expect(row.policyVersions).toEqual([
    { length: 3, announcedVersion: 1 },
    { length: 2, announcedVersion: 2 },
  ]);
  expect(ledger).toMatchObject({ sampled: 7, trained: 5, overLength: 2 });
  expect(segments[0]!.tokenIds).toHaveLength(10);
});

describe('a row that is longer than it may be', () => {
  test('is left out as a whole where that is the policy, and shorter ones are not', () => {
    const dropped = settled([linear()], 7, { maxRowTokens: 9, overLength: 'drop' });
    expect(dropped.rows).toEqual([]);
    expect(dropped.ledger).toMatchObject({ sampled: 7, trained: 0, overLength: 7 });
    const kept = settled([linear()], 7, { maxRowTokens: 10, overLength: 'drop' });
    expect(kept.ledger).toMatchObject({ sampled: 7, trained: 7, overLength: 0 });
  });

  test('leaves what a shorter segment shares with it to that one', () => {
    const parent = linear();
    const branch = branchOf(parent);
    const { rows, ledger } = settled([parent, branch], 9, {
      ...{ policy: 'fork', maxRowTokens: 8, overLength: 'drop' },
    });
    // The parent has 10 tokens and is out; the branch has 8, of which 3 were sampled in the parent.
    expect(rows.map(({ id }) => id)).toEqual(['r/s1']);
    expect(trainedLength(rows[0]!.spans)).toBe(5);
    expect(ledger).toMatchObject({ sampled: 9, trained: 5, overLength: 4 });
    expect(ledgerBalance(ledger)).toBe(0);
  });

  // linear() has the tokens 1 to 10: 1 2 are prompt, 3 4 5 sampled, 6 template, 7 8 9 10 sampled.
  test('is split into parts that train on from each other, with half of one as context', () => {
    const { rows, ledger, segments } = settled([linear()], 7, {
      ...{ maxRowTokens: 4, overLength: 'split' },
    });
    const [untrained, trained, context] = ['not_sampled', 'trained', 'context_only'] as const;
    expect(
      rows.map(({ id, segmentOffset, tokenIds, spans }) => ({
        ...{ id, segmentOffset, tokens: [...tokenIds] },
        spans: spans.map(({ length, loss }) => [length, loss]),
      })),
    ).toEqual([
      {
        ...{ id: 'r/s0', segmentOffset: undefined, tokens: [1, 2, 3, 4] },
        spans: [
          [2, untrained],
          [2, trained],
        ],
      },
      {
        ...{ id: 'r/s0/2', segmentOffset: 2, tokens: [3, 4, 5, 6] },
        spans: [
          [2, context],
          [1, trained],
          [1, untrained],
        ],
      },
      {
        ...{ id: 'r/s0/4', segmentOffset: 4, tokens: [5, 6, 7, 8] },
        spans: [
          [1, context],
          [1, untrained],
          [2, trained],
        ],
      },
      {
        ...{ id: 'r/s0/6', segmentOffset: 6, tokens: [7, 8, 9, 10] },
        spans: [
          [2, context],
          [2, trained],
        ],
      },
    ]);
    expect(rows.map(({ logprobs }) => [...logprobs!])).toEqual([
      [-1, -1],
      [-1, -1, -1],
      [-1, -2, -2],
      [-2, -2, -2, -2],
    ]);
    expect(rows[2]!.policyVersions).toEqual([
      { length: 1, announcedVersion: 1 },
      { length: 2, announcedVersion: 2 },
    ]);
    expect(ledger).toMatchObject({ sampled: 7, trained: 7, overLength: 0 });
    expect(trainedLength(segments[0]!.spans)).toBe(7);
  });

  test('has no part for a prompt that is longer than a row, and one part where nothing is trained', () => {
    const builder = new SegmentBuilder({ id: 's0', reason: 'start', rendering });
    builder.append([1, 2, 3, 4, 5, 6, 7], { origin: 'prompt' });
    builder.appendSampled(Int32Array.of(8, 9), Float32Array.of(-1, -2), {
      ...{ callIndex: 0, announcedVersion: 1 },
    });
    const split = { maxRowTokens: 4, overLength: 'split' } as const;
    const { rows } = settled([builder.build()], 2, split);
    expect(rows.map(({ id, tokenIds }) => [id, [...tokenIds]])).toEqual([['r/s0/5', [6, 7, 8, 9]]]);
    const masked = settled([linear()], 7, { ...split, masked: true });
    expect(masked.rows.map(({ id, tokenIds }) => [id, tokenIds.length])).toEqual([['r/s0', 4]]);
  });

  test('takes its columns along', () => {
    const numbers = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
    const common = { type: 'uint8', entryShape: [] } as const;
    const segment: Segment = {
      ...linear(),
      columns: [
        { ...common, name: 'all', axis: 'all_tokens', data: numbers },
        { ...common, name: 'sampled', axis: 'sampled_tokens', data: numbers.subarray(0, 7) },
      ],
    };
    const { rows } = settled([segment], 7, { maxRowTokens: 4, overLength: 'split' });
    expect(rows.map(({ columns }) => columns.map(({ data }) => [...data]))).toEqual([
      [
        [1, 2, 3, 4],
        [1, 2],
      ],
      [
        [3, 4, 5, 6],
        [1, 2, 3],
      ],
      [
        [5, 6, 7, 8],
        [3, 4, 5],
      ],
      [
        [7, 8, 9, 10],
        [4, 5, 6, 7],
      ],
    ]);
  });
});

test('a masked rollout keeps its row with nothing in the loss', () => {
  const { rows, ledger } = settled([linear()], 7, { masked: true });
  expect(rows).toHaveLength(1);
  expect(trainedLength(rows[0]!.spans)).toBe(0);
  expect(ledger).toMatchObject({ trained: 0, maskedByFailure: 7 });
});

test('a count that differs from the engine’s own log leaves the ledger unbalanced', () => {
  expect(ledgerBalance(settled([linear()], 9).ledger)).toBe(2);
});

test.each(['strict', 'realign', 'fork', 'mask'] as const)(
  'settling what is settled changes nothing under %s',
  (policy) => {
    const parent = linear();
    for (const segments of [[parent], [parent, branchOf(parent)]]) {
      for (const maxRowTokens of [0, 8]) {
        for (const overLength of ['truncate', 'drop', 'split'] as const) {
          const once = settled(segments, 9, { policy, maxRowTokens, overLength });
          const twice = settled(once.segments, 9, { policy, maxRowTokens, overLength });
          expect(twice.ledger).toEqual(once.ledger);
          expect(twice.rows).toEqual(once.rows);
        }
      }
    }
  },
);

test('a conversation that its template wrote anew is no side call of what came of it', () => {
  const only = new SegmentBuilder({ id: 's0', reason: 'start', rendering });
  only.append([1, 2], { origin: 'prompt' });
  only.appendSampled(Int32Array.of(3, 4), undefined, { callIndex: 0, announcedVersion: 1 });
  const parent = only.build();
  const longer = (reason: 'template' | 'history_rewritten') => {
    const builder = new SegmentBuilder({
      id: 's1',
      reason,
      parent: { id: 's0', sharedTokens: 2 },
      rendering,
    });
    builder.appendPrefixOf(parent, 2);
    [1, 2].forEach((callIndex) => {
      builder.append([5], { origin: 'prompt' });
      builder.appendSampled(Int32Array.of(6), undefined, { callIndex, announcedVersion: 1 });
    });
    return builder.build();
  };
  const calls = (continues: number): JudgedCall[] => [
    FIRST_CALL,
    { ...FIRST_CALL, continues },
    { ...FIRST_CALL, continues: 1 },
  ];
  const ledgerOf = (reason: 'template' | 'history_rewritten', continues: number) =>
    settled([parent, longer(reason)], 4, { calls: calls(continues) }).ledger;
  expect(ledgerOf('template', 0)).toMatchObject({ trained: 4 });
  expect(ledgerOf('history_rewritten', -1)).toMatchObject({
    trained: 2,
    droppedBranch: 2,
  });
});
