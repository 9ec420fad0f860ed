import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { type GroupHeader, GroupPartKind } from '../../../gen/lachesis/v1/group_pb.ts';
import {
  type Rollout as RolloutProto,
  RolloutSchema,
} from '../../../gen/lachesis/v1/rollout_pb.ts';
import {
  LossState,
  type Row as RowProto,
  RowSchema,
  SegmentSchema,
} from '../../../gen/lachesis/v1/tokens_pb.ts';
import { unplayedResult } from '../../../src/agent/index.ts';
import {
  encodeGroup,
  groupDigest,
  NO_RUN_POLICY,
  partDigest,
  type Rollout,
  validateGroup,
} from '../../../src/contract/index.ts';
import { emptyLedger, type OverLength, type Segment } from '../../../src/tokens/index.ts';

const facts = { tokenizerSha256: '', templateSha256: '' };

function segment(id: string, parent: Segment['parent'], calls: readonly number[]): Segment {
  const spans = calls.flatMap((callIndex) => [
    { length: 2, origin: 'prompt' as const, loss: 'not_sampled' as const },
    { length: 3, origin: 'sampled' as const, loss: 'trained' as const, callIndex },
  ]);
  const sampled = 3 * calls.length;
  return {
    ...{
      id,
      parent,
      reason: parent === undefined ? 'start' : 'branch',
      reasonDetail: '',
      agent: '',
    },
    tokenIds: Int32Array.from({ length: 5 * calls.length }, (_, i) => i),
    logprobs: new Float32Array(sampled).fill(-1),
    spans,
    policyVersions: [{ length: sampled, announcedVersion: 4 }],
    rendering: facts,
    columns: [],
  };
}

/** Two turns, and a second answer to the second one: `fork` trains the first turn once. */
const played: Rollout = {
  ...{ id: 'g.0', groupId: 'g', taskKey: '0', index: 0 },
  result: unplayedResult('natural', ''),
  outcome: { kind: 'scored', reward: 1, components: [] },
  segments: [segment('0', undefined, [0, 1]), segment('1', { id: '0', sharedTokens: 7 }, [0, 2])],
  calls: [0, 1, 2].map((index) => ({
    ...{ index, callId: `c${index}`, parentCallId: '', agent: '', purpose: 'act' },
    ...{ announcedVersion: 4, sampledTokens: 3, finishReason: 'stop', failed: false },
    ...{ continues: index === 0 ? -1 : 0, passesOver: index === 2 ? [1] : [], alters: undefined },
  })),
  ledger: { ...emptyLedger(), sampled: 9 },
  provenance: {
    ...{ environment: 'e', environmentVersion: '', verifierVersion: '', model: '', sampling: {} },
    ...{ rendering: facts, isolation: '', workerId: '', logprobMode: 'processed' },
  },
  ...{ startTimeMs: 0, endTimeMs: 0, metrics: {} },
};

interface Sent {
  readonly header: GroupHeader;
  readonly parts: Uint8Array[];
}

function sent(maxRowTokens = 0, overLength: OverLength = 'truncate'): Sent {
  const encoding = encodeGroup(
    {
      ...{ id: 'g', runId: 'run', environment: 'e', taskKey: '0', trainingPolicy: 'fork' },
      rollouts: [played],
    },
    { policy: { ...NO_RUN_POLICY, trainingPolicy: 'fork', maxRowTokens, overLength } },
  );
  if (encoding.kind !== 'kept') throw new Error('dropped');
  return { header: encoding.encoded.header, parts: [...encoding.encoded.parts] };
}

/** Sizes and digests as a producer would compute them over what it changed. */
function ingest({ header, parts }: Sent): unknown {
  header.parts.forEach((part, i) => {
    part.encodedSize = BigInt((parts[i] as Uint8Array).length);
    part.digest = partDigest(parts[i] as Uint8Array);
  });
  header.digest = groupDigest(header.parts);
  return validateGroup(header, parts);
}

function withRow(change: (row: RowProto) => void, group = sent(), at = 0): Sent {
  const row = fromBinary(RowSchema, group.parts[at] as Uint8Array);
  change(row);
  group.parts[at] = toBinary(RowSchema, row);
  return group;
}

/** The second row is the second part of the first one's segment: from its token 4 on, trained from 8 on. */
const withSecondPart = (change: (row: RowProto) => void) => withRow(change, sent(8, 'split'), 1);

function withRollout(change: (rollout: RolloutProto) => void, group = sent()): Sent {
  const at = group.header.parts.findIndex(({ kind }) => kind === GroupPartKind.ROLLOUT);
  const rollout = fromBinary(RolloutSchema, group.parts[at] as Uint8Array);
  change(rollout);
  group.parts[at] = toBinary(RolloutSchema, rollout);
  return group;
}

function withHeader(change: (header: GroupHeader) => void): Sent {
  const group = sent();
  change(group.header);
  return group;
}

describe('ingest takes an account that adds up', () => {
  it('with branches, rows cut at their length, and calls that are unknown', () => {
    expect(() => ingest(sent())).not.toThrow();
    expect(() => ingest(sent(8))).not.toThrow();
    for (const maxRowTokens of [3, 4, 8]) {
      expect(() => ingest(sent(maxRowTokens, 'split'))).not.toThrow();
    }
    expect(() =>
      ingest(
        withRollout((r) => {
          r.calls = [];
        }),
      ),
    ).not.toThrow();
  });

  it('whatever the pieces that its spans and version runs are cut into', () => {
    const cut = withRow((row) => {
      row.spans = row.spans.flatMap((s) =>
        Array.from({ length: s.length }, () => ({ ...s, length: 1 })),
      );
      row.policyVersions = row.policyVersions.flatMap((v) =>
        Array.from({ length: v.length }, () => ({ ...v, length: 1 })),
      );
    });
    expect(() => ingest(cut)).not.toThrow();
  });
});

describe('ingest refuses an account that does not add up', () => {
  const cases: [string, string, () => Sent][] = [
    [
      'buckets that neither rows nor calls have',
      'parts[2].ledger.sampled',
      () =>
        withHeader((h) => {
          for (const ledger of [h.ledger!, h.rollouts[0]!.ledger!]) {
            ledger.sampled = 16n;
            ledger.notForTraining = 7n;
          }
        }),
    ],
    [
      'a transcript whose ledger is not the header’s',
      'parts[2].ledger.trained',
      () =>
        withRollout((r) => {
          r.ledger!.trained = 0n;
          r.ledger!.droppedBranch = 9n;
        }),
    ],
    [
      'a transcript whose ledger does not balance',
      'parts[2].ledger.trained',
      () =>
        withRollout((r) => {
          r.ledger!.trained = 1n;
        }),
    ],
    [
      'a transcript that drops what the row trains',
      'parts[0].spans[1]',
      () =>
        withRollout((r) => {
          for (const span of r.segments[0]!.spans) {
            if (span.loss === LossState.TRAINED) span.loss = LossState.DROPPED_BRANCH;
          }
        }),
    ],
    [
      'a prefix that is trained twice',
      'parts[2].segments[1].spans[1].loss',
      () => {
        const twice = withRollout((r) => {
          r.segments[1]!.spans[1]!.loss = LossState.TRAINED;
        });
        const row = fromBinary(RowSchema, twice.parts[1] as Uint8Array);
        row.spans[1]!.loss = LossState.TRAINED;
        twice.parts[1] = toBinary(RowSchema, row);
        twice.header.parts[1]!.trainedTokens = 6;
        for (const ledger of [twice.header.ledger!, twice.header.rollouts[0]!.ledger!]) {
          ledger.sampled = 12n;
          ledger.trained = 12n;
        }
        return withRollout((r) => {
          r.ledger!.sampled = 12n;
          r.ledger!.trained = 12n;
        }, twice);
      },
    ],
    [
      'a prefix that is longer than its parent',
      'parts[2].segments[1].parent_length',
      () =>
        withRollout((r) => {
          r.segments[1]!.parentLength = 11;
        }),
    ],
    [
      'rows of segments that are gone',
      'parts[0].segment_id',
      () =>
        withRollout((r) => {
          r.segments = [];
        }),
    ],
    [
      'a row of a segment that is not there',
      'parts[2].segments[0].token_ids',
      () =>
        withRow((row) => {
          row.segmentId = 'zz';
        }),
    ],
    [
      'two rows of one segment',
      'parts[1].segment_id',
      () => {
        const group = sent();
        const row = fromBinary(RowSchema, group.parts[1] as Uint8Array);
        row.segmentId = '0';
        group.parts[1] = toBinary(RowSchema, row);
        return group;
      },
    ],
    [
      'a segment that stands for tokens which nothing holds',
      'parts[2].segments[2].token_ids',
      () =>
        withRollout((r) => {
          const spans = [{ ...r.segments[0]!.spans[0]!, length: 2 ** 31 - 1 }];
          r.segments.push(create(SegmentSchema, { id: '2', reason: 1, spans }));
        }),
    ],
    [
      'a span of less than no token, made up for by another',
      'parts[2].segments[0].spans[0].length',
      () =>
        withRollout((r) => {
          r.segments[0]!.spans[0]!.length = -5;
          r.segments[0]!.spans[1]!.length += 7;
        }),
    ],
    [
      'versions of more tokens than were sampled',
      'parts[2].segments[0].policy_versions',
      () =>
        withRollout((r) => {
          r.segments[0]!.policyVersions.push({ ...r.segments[0]!.policyVersions[0]!, length: 9 });
        }),
    ],
    [
      'a cut row whose ids are not the segment’s',
      'parts[0].token_ids[0]',
      () =>
        withRow((row) => {
          row.tokenIds[0]! ^= 1;
        }, sent(8)),
    ],
    [
      'a part of a segment that reaches behind it',
      'parts[1].segment_offset',
      () =>
        withSecondPart((row) => {
          row.segmentOffset = 5;
        }),
    ],
    [
      'a part of a segment that begins elsewhere',
      'parts[1].segment_id',
      () =>
        withSecondPart((row) => {
          row.segmentOffset = 3;
        }),
    ],
    [
      'a part of a segment that begins before it',
      'parts[1].segment_offset',
      () =>
        withSecondPart((row) => {
          row.segmentOffset = -1;
        }),
    ],
    [
      'a part that has as context what its segment has as trained, and nobody trains',
      'header.rollouts[0].ledger.trained',
      () => {
        const group = withSecondPart((row) => {
          for (const span of row.spans) {
            if (span.loss === LossState.TRAINED) span.loss = LossState.CONTEXT_ONLY;
          }
        });
        group.header.parts[1]!.trainedTokens = 0;
        return group;
      },
    ],
    [
      'parts of a segment out of their order',
      'parts[1].segment_id',
      () => {
        const group = sent(8, 'split');
        const [first, second] = [group.parts[0]!, group.parts[1]!];
        const [one, other] = [group.header.parts[0]!, group.header.parts[1]!];
        Object.assign(group.parts, [second, first]);
        Object.assign(group.header.parts, [other, one]);
        return group;
      },
    ],
    [
      'a token that two parts train',
      'parts[1].segment_id',
      () => {
        const group = withSecondPart((row) => {
          const span = row.spans.find(({ loss }) => loss === LossState.CONTEXT_ONLY)!;
          span.loss = LossState.TRAINED;
        });
        const row = fromBinary(RowSchema, group.parts[1] as Uint8Array);
        const trained = row.spans.filter(({ loss }) => loss === LossState.TRAINED);
        const tokens = trained.reduce((sum, { length }) => sum + length, 0);
        const more = tokens - group.header.parts[1]!.trainedTokens;
        group.header.parts[1]!.trainedTokens = tokens;
        const ledgers = [group.header.ledger!, group.header.rollouts[0]!.ledger!];
        return withRollout((r) => {
          for (const ledger of [...ledgers, r.ledger!]) {
            ledger.sampled += BigInt(more);
            ledger.trained += BigInt(more);
          }
        }, group);
      },
    ],
    [
      'a row of another version than its segment',
      'parts[0].policy_versions[0]',
      () =>
        withRow((row) => {
          row.policyVersions[0]!.reportedVersion = 9n;
        }),
    ],
    [
      'a logprob above 0',
      'parts[0].logprobs[0]',
      () =>
        withRow((row) => {
          row.logprobs = new Uint8Array(new Float32Array(6).fill(50).buffer);
        }),
    ],
    [
      'a call out of order',
      'parts[2].calls[0].index',
      () =>
        withRollout((r) => {
          r.calls[0]!.index = 7;
        }),
    ],
    [
      'a call that sampled more than its spans',
      'parts[2].calls[0].sampled_tokens',
      () =>
        withRollout((r) => {
          r.calls[0]!.sampledTokens = 4;
          r.calls[1]!.sampledTokens = 2;
        }),
    ],
    [
      'a failed call whose tokens are trained',
      'parts[2].segments[0].spans[1].loss',
      () =>
        withRollout((r) => {
          r.calls[0]!.failed = true;
        }),
    ],
    [
      'a judge’s call whose tokens are trained',
      'parts[2].segments[0].spans[1].loss',
      () =>
        withRollout((r) => {
          r.calls[0]!.purpose = 'judge';
        }),
    ],
    [
      'a call of another version than its tokens',
      'parts[2].segments[0].policy_versions[0].announced_version',
      () =>
        withRollout((r) => {
          r.calls[0]!.announcedVersion = 99n;
        }),
    ],
    [
      'a span of a call that was not made',
      'parts[2].segments[1].spans[3].call_index',
      () => {
        const group = withRollout((r) => {
          r.segments[1]!.spans[3]!.callIndex = 99;
          r.calls[2]!.sampledTokens = 0;
          r.calls.pop();
          r.calls[0]!.sampledTokens = 3;
        });
        const row = fromBinary(RowSchema, group.parts[1] as Uint8Array);
        row.spans[3]!.callIndex = 99;
        group.parts[1] = toBinary(RowSchema, row);
        return group;
      },
    ],
    [
      'a sampled span of no call, where calls are told',
      'parts[2].segments[0].spans[1].call_index',
      () => {
        const group = sent();
        for (const at of [0, 1]) {
          const row = fromBinary(RowSchema, group.parts[at] as Uint8Array);
          delete row.spans[1]!.callIndex;
          group.parts[at] = toBinary(RowSchema, row);
        }
        return withRollout((r) => {
          for (const { spans } of r.segments) delete spans[1]!.callIndex;
        }, group);
      },
    ],
    [
      'no transcript',
      'header.parts',
      () => {
        const group = sent();
        group.header.parts.pop();
        group.parts.pop();
        return group;
      },
    ],
    [
      'a transcript a second time',
      'header.parts[3].kind',
      () => {
        const group = sent();
        group.header.parts.push({ ...group.header.parts[2]! });
        group.parts.push(group.parts[2]!);
        return group;
      },
    ],
  ];

  it.each(cases)('%s', (_, field, make) => {
    expect(() => ingest(make())).toThrow(expect.objectContaining({ kind: 'invalid_input', field }));
  });
});
