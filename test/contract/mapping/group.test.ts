import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type GroupHeader,
  GroupHeaderSchema,
  GroupPartKind,
} from '../../../gen/lachesis/v1/group_pb.ts';
import { TurnRewardSchema } from '../../../gen/lachesis/v1/rollout_pb.ts';
import { type Row as RowProto, RowSchema } from '../../../gen/lachesis/v1/tokens_pb.ts';
import {
  decodeGroup,
  type EncodedGroup,
  encodeGroup,
  type Group,
  type GroupPolicy,
  groupDigest,
  partDigest,
  type Rollout,
  settleGroup,
  settleRollout,
  toStoredGroup,
  validateGroup,
} from '../../../src/contract/index.ts';
import { ledgerBalance, sumLedgers } from '../../../src/tokens/index.ts';
import * as arbitrary from './arbitraries.ts';

const policies: fc.Arbitrary<GroupPolicy> = fc.record({
  trainingPolicy: fc.constantFrom('strict', 'realign', 'fork', 'mask'),
  failedRollouts: fc.constantFrom('drop_rollout', 'drop_group', 'mask'),
  maxRowTokens: fc.constantFrom(0, 0, 5),
  overLength: fc.constantFrom('truncate', 'drop', 'split'),
});

const groups: fc.Arbitrary<Group> = fc
  .array(arbitrary.rollout, { minLength: 1, maxLength: 4 })
  .map((rollouts) => ({
    id: 'group',
    runId: 'run',
    environment: 'env',
    taskKey: '0',
    trainingPolicy: 'strict',
    rollouts: rollouts.map((rollout, index) => ({
      ...rollout,
      id: `group.${index}`,
      groupId: 'group',
      index,
    })),
  }));

describe('encodeGroup', () => {
  it('gives what ingest accepts and what decodes to the same rollouts, under every policy and codec', () => {
    fc.assert(
      fc.property(groups, policies, fc.constantFrom('raw', 'zstd'), (group, policy, codec) => {
        const encoding = encodeGroup(group, { policy, codec });
        if (encoding.kind === 'dropped') return;
        const { header, headerBytes, parts } = encoding.encoded;
        const received = fromBinary(GroupHeaderSchema, headerBytes);
        expect(received).toEqual(header);
        const stored = toStoredGroup(received, headerBytes, parts);
        const { group: decoded, rows } = decodeGroup(received, parts);
        const settled = settleGroup(group, policy);
        expect(settled.kind === 'kept' && settled.group).toEqual(decoded);
        expect(rows.length).toBe(stored.rows.length);
        expect(ledgerBalance(stored.ledger)).toBe(0);
      }),
    );
  });

  it('loses no sampled token: each is in the group or in what was dropped', () => {
    fc.assert(
      fc.property(groups, policies, (group, policy) => {
        const settled = settleGroup(group, policy);
        const kept = settled.kind === 'kept' ? settled.group.rollouts : [];
        const total = sumLedgers([...kept, ...settled.dropped].map(({ ledger }) => ledger));
        const before = sumLedgers(group.rollouts.map(({ ledger }) => ledger));
        expect(total.sampled).toBe(before.sampled);
        expect(ledgerBalance(total)).toBe(0);
      }),
    );
  });

  it('settles a settled rollout to itself', () => {
    fc.assert(
      fc.property(arbitrary.rollout, policies, (rollout, policy) => {
        const once = settleRollout(rollout, policy);
        expect(settleRollout(once.rollout, policy)).toEqual(once);
      }),
    );
  });
});

const spans = [
  { length: 2, origin: 'prompt' as const, loss: 'not_sampled' as const },
  { length: 3, origin: 'sampled' as const, loss: 'trained' as const, callIndex: 0 },
];

function playedRollout(index: number, failed: boolean): Rollout {
  const [sample] = fc.sample(arbitrary.rollout, { numRuns: 1, seed: index });
  return {
    ...(sample as Rollout),
    id: `g.${index}`,
    groupId: 'g',
    index,
    outcome: failed
      ? { kind: 'not_scored', failure: { kind: 'model_error', reason: 'M', message: 'm' } }
      : { kind: 'scored', reward: index, components: [] },
    calls: [],
    segments: [
      {
        id: '0',
        parent: undefined,
        reason: 'start',
        reasonDetail: '',
        agent: '',
        tokenIds: Int32Array.of(1, 2, 3, 4, 5),
        logprobs: Float32Array.of(-1, -2, -3),
        spans,
        policyVersions: [{ length: 3, announcedVersion: 4 }],
        rendering: { tokenizerSha256: '', templateSha256: '' },
        columns: [],
      },
    ],
    ledger: { ...sumLedgers([]), sampled: 3, trained: 3 },
  };
}

function groupOf(...failed: readonly boolean[]): Group {
  return {
    id: 'g',
    runId: 'run',
    environment: 'env',
    taskKey: '0',
    trainingPolicy: 'strict',
    rollouts: failed.map((isFailed, index) => playedRollout(index, isFailed)),
  };
}

const base: GroupPolicy = {
  trainingPolicy: 'strict',
  failedRollouts: 'drop_rollout',
  maxRowTokens: 0,
};

describe('failed-rollout policies', () => {
  it('drop_rollout goes on without it, and says what it had sampled', () => {
    const settled = settleGroup(groupOf(false, true, false), base);
    expect(settled).toMatchObject({
      kind: 'kept',
      rollouts: [{ masked: false }, { masked: false }],
      dropped: [{ rolloutId: 'g.1', failure: 'M', ledger: { sampled: 3, maskedByFailure: 3 } }],
    });
  });

  it('drop_group drops all of it', () => {
    const settled = settleGroup(groupOf(false, true), { ...base, failedRollouts: 'drop_group' });
    expect(settled).toMatchObject({ kind: 'dropped', reason: 'rollout_failed' });
    expect(settled.dropped).toHaveLength(2);
  });

  it('mask keeps its rows, without loss and without a reward', () => {
    const encoding = encodeGroup(groupOf(false, true), {
      policy: { ...base, failedRollouts: 'mask' },
    });
    if (encoding.kind !== 'kept') throw new Error('dropped');
    const { header, parts } = encoding.encoded;
    expect(header.rollouts[1]).toMatchObject({ masked: true });
    expect(header.rollouts[1]?.reward).toBeUndefined();
    expect(header.parts.map(({ trainedTokens }) => trainedTokens)).toEqual([3, 0, 0, 0]);
    expect(decodeGroup(header, parts).rows[1]?.spans[1]?.loss).toBe('masked_by_failure');
  });

  it.each(['drop_rollout', 'drop_group', 'mask'] as const)(
    'a group with no scored rollout is dropped under %s',
    (failedRollouts) => {
      expect(settleGroup(groupOf(true, true), { ...base, failedRollouts })).toMatchObject({
        kind: 'dropped',
        reason: 'nothing_scored',
      });
    },
  );

  it('a group whose tokens give no row is dropped', () => {
    const group = groupOf(false);
    expect(settleGroup(group, { ...base, maxRowTokens: 1 })).toMatchObject({
      reason: 'over_length',
    });
  });

  it('a group that never had a token stays, as transcripts that ingest takes', () => {
    const group = groupOf(false, true);
    const rollouts = group.rollouts.map((r) => ({
      ...r,
      segments: [],
      calls: [],
      ledger: sumLedgers([]),
    }));
    const policy = { ...base, failedRollouts: 'mask' } as const;
    const encoding = encodeGroup({ ...group, rollouts }, { policy });
    if (encoding.kind !== 'kept') throw new Error('dropped');
    const { header, parts } = encoding.encoded;
    expect(validateGroup(header, parts).rows).toEqual([]);
    const decoded = decodeGroup(header, parts);
    expect(decoded.rows).toEqual([]);
    expect(decoded.group.rollouts.map(({ outcome }) => outcome)).toEqual(
      rollouts.map(({ outcome }) => outcome),
    );
  });
});

describe('ingest refuses, by the path of the field', () => {
  function encoded(): EncodedGroup {
    const encoding = encodeGroup(groupOf(false, false), { policy: base });
    if (encoding.kind !== 'kept') throw new Error('dropped');
    return encoding.encoded;
  }

  /** The group with its header changed, and valid in all else. */
  function withHeader(change: (header: GroupHeader) => void): () => unknown {
    const { header, headerBytes, parts } = encoded();
    change(header);
    return () => validateGroup(header, parts) && headerBytes;
  }

  /** The group with its first row changed, and size and digest right again. */
  function withRow(change: (row: RowProto) => void): () => unknown {
    const { header, parts } = encoded();
    const at = header.parts.findIndex(({ kind }) => kind === GroupPartKind.ROW);
    const row = fromBinary(RowSchema, parts[at] as Uint8Array);
    change(row);
    const changed = parts.map((bytes, i) => (i === at ? toBinary(RowSchema, row) : bytes));
    const part = header.parts[at];
    if (part !== undefined) part.encodedSize = BigInt((changed[at] as Uint8Array).length);
    if (part !== undefined) part.digest = partDigest(changed[at] as Uint8Array);
    header.digest = groupDigest(header.parts);
    return () => validateGroup(header, changed);
  }

  it('nothing of a good group', () => {
    expect(withHeader(() => {})).not.toThrow();
    expect(withRow(() => {})).not.toThrow();
  });

  const part = (header: GroupHeader, i: number) => header.parts[i] as GroupHeader['parts'][number];
  const summary = (header: GroupHeader, i: number) =>
    header.rollouts[i] as GroupHeader['rollouts'][number];

  const turnReward = (messageIndex: number, value: number) =>
    create(TurnRewardSchema, { messageIndex, value });

  it.each<[string, (header: GroupHeader) => void]>([
    [
      'header.group_id',
      (h) => {
        h.groupId = '';
      },
    ],
    [
      'header.run_id',
      (h) => {
        h.runId = '../x';
      },
    ],
    [
      'header.environment',
      (h) => {
        h.environment = '';
      },
    ],
    [
      'header.rollouts',
      (h) => {
        h.rollouts = [];
      },
    ],
    [
      'header.parts',
      (h) => {
        h.parts = [];
      },
    ],
    [
      'parts',
      (h) => {
        h.parts.push(create(GroupHeaderSchema, h).parts[1] as never);
        h.digest = groupDigest(h.parts);
      },
    ],
    [
      'header.training_policy',
      (h) => {
        h.trainingPolicy = 77 as never;
      },
    ],
    [
      'header.parts[0].kind',
      (h) => {
        part(h, 0).kind = GroupPartKind.UNSPECIFIED;
      },
    ],
    [
      'header.parts[0].codec',
      (h) => {
        part(h, 0).codec = 9 as never;
      },
    ],
    [
      'header.parts[0].encoded_size',
      (h) => {
        part(h, 0).encodedSize += 1n;
      },
    ],
    [
      'header.parts[0].encoded_size',
      (h) => {
        part(h, 0).encodedSize = 2n ** 40n;
      },
    ],
    [
      'header.parts[0].rollout_index',
      (h) => {
        part(h, 0).rolloutIndex = 2;
      },
    ],
    [
      'parts[0].rollout_id',
      (h) => {
        part(h, 0).rolloutIndex = 1;
      },
    ],
    [
      'header.parts[0].tokens',
      (h) => {
        part(h, 0).tokens += 1;
      },
    ],
    [
      'header.parts[1].sampled_tokens',
      (h) => {
        part(h, 1).sampledTokens = 0;
      },
    ],
    [
      'header.parts[1].trained_tokens',
      (h) => {
        part(h, 1).trainedTokens = 9;
      },
    ],
    [
      'header.digest',
      (h) => {
        h.digest = new Uint8Array(32);
      },
    ],
    [
      'header.digest',
      (h) => {
        h.digest = new Uint8Array(3);
      },
    ],
    [
      'header.oldest_policy_version',
      (h) => {
        h.oldestPolicyVersion = 5n;
      },
    ],
    [
      'header.oldest_policy_version',
      (h) => {
        h.oldestPolicyVersion = undefined;
      },
    ],
    [
      'header.rollouts[1].reward',
      (h) => {
        summary(h, 1).reward = Number.NaN;
      },
    ],
    [
      'header.rollouts[1].turn_rewards[0].value',
      (h) => {
        summary(h, 1).turnRewards = [turnReward(1, Number.NaN)];
      },
    ],
    [
      'header.rollouts[1].turn_rewards[0].message_index',
      (h) => {
        summary(h, 1).turnRewards = [turnReward(-1, 1)];
      },
    ],
    [
      'header.rollouts[1].turn_rewards',
      (h) => {
        summary(h, 1).reward = undefined;
        summary(h, 1).masked = true;
        summary(h, 1).turnRewards = [turnReward(1, 1)];
      },
    ],
    [
      'parts[3].reward.turn_rewards',
      (h) => {
        summary(h, 1).turnRewards = [turnReward(1, 1)];
      },
    ],
    [
      'header.rollouts[1].masked',
      (h) => {
        summary(h, 1).reward = undefined;
      },
    ],
    [
      'header.rollouts[1].rollout_id',
      (h) => {
        summary(h, 1).rolloutId = 'g.0';
      },
    ],
    [
      'header.rollouts[0].ledger.sampled',
      (h) => {
        summary(h, 0).ledger!.sampled += 1n;
      },
    ],
    [
      'header.ledger.sampled',
      (h) => {
        h.ledger!.sampled += 1n;
      },
    ],
    [
      'parts[3].reward',
      (h) => {
        summary(h, 1).reward = 0.25;
      },
    ],
    [
      'header.ledger.sampled',
      (h) => {
        h.ledger!.sampled += 1n;
        h.ledger!.trained += 1n;
      },
    ],
  ])('%s', (field, change) => {
    // The two at the same field differ in kind; the sum of the ledgers is told by its first bucket.
    const wanted = withHeader(change);
    expect(wanted).toThrow(expect.objectContaining({ kind: 'invalid_input', field }));
  });

  it.each<[string, (row: RowProto) => void]>([
    [
      'parts[0].token_ids',
      (r) => {
        r.tokenIds = r.tokenIds.slice(0, -1);
      },
    ],
    [
      'parts[0].token_ids[0]',
      (r) => {
        r.tokenIds = new Uint8Array(20).fill(255);
      },
    ],
    [
      'parts[0].logprobs',
      (r) => {
        r.logprobs = r.logprobs.slice(0, 8);
      },
    ],
    [
      'parts[0].logprobs[0]',
      (r) =>
        void new DataView(r.logprobs.buffer, r.logprobs.byteOffset).setFloat32(0, Number.NaN, true),
    ],
    [
      'parts[0].spans',
      (r) => {
        r.spans.pop();
      },
    ],
    [
      'parts[0].spans[0].origin',
      (r) => {
        r.spans[0]!.origin = 0;
      },
    ],
    [
      'parts[0].spans[1].loss',
      (r) => {
        r.spans[1]!.loss = 1;
      },
    ],
    [
      'parts[0].policy_versions',
      (r) => {
        r.policyVersions = [];
      },
    ],
    [
      'parts[0].rollout_id',
      (r) => {
        r.rolloutId = 'g.1';
      },
    ],
    [
      'parts[0].id',
      (r) => {
        r.id = '';
      },
    ],
  ])('%s', (field, change) => {
    expect(withRow(change)).toThrow(expect.objectContaining({ kind: 'invalid_input', field }));
  });

  it('a part that is no message, or no frame of its codec', () => {
    const { header, parts } = encoded();
    const broken = parts.map((bytes, i) =>
      i === 0 ? new Uint8Array(bytes.length).fill(255) : bytes,
    );
    expect(() => validateGroup(header, broken)).toThrow(/header\.parts\[0\]\.digest: is not that/);
    part(header, 0).digest = partDigest(broken[0] as Uint8Array);
    header.digest = groupDigest(header.parts);
    expect(() => validateGroup(header, broken)).toThrow(/parts\[0\]: is no lachesis\.v1\.Row/);
    part(header, 0).codec = 2;
    expect(() => validateGroup(header, broken)).toThrow(/parts\[0\]: is no zstd frame/);
  });
});
