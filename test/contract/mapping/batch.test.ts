import { create, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  BatchManifestSchema,
  NextBatchResponseSchema,
} from '../../../gen/lachesis/v1/batch_service_pb.ts';
import { GroupHeaderSchema } from '../../../gen/lachesis/v1/group_pb.ts';
import { batchManifestToProto } from '../../../src/contract/index.ts';

/** Around the frame in its message: tags and lengths. */
const AROUND_BYTES = 16;

const index = fc.oneof(fc.nat({ max: 300 }), fc.nat({ max: 2 ** 31 - 1 }));
const batch = fc.record({
  texts: fc.array(fc.nat({ max: 3_000 }), { maxLength: 30 }),
  rows: fc.array(fc.record({ groupIndex: index, partIndex: index, rank: index }), {
    maxLength: 400,
  }),
  maxBytes: fc.integer({ min: 1_200, max: 8_000 }),
});

describe('the manifest of a batch', () => {
  test('is in frames that hold to their bound, and joined it is the whole', () => {
    let inSeveral = 0;
    fc.assert(
      fc.property(batch, ({ texts, rows, maxBytes }) => {
        const headers = texts.map((length, place) => {
          const header = create(GroupHeaderSchema, {
            groupId: `g-${place}`,
            taskKey: 'x'.repeat(length),
          });
          return { header, bytes: toBinary(GroupHeaderSchema, header).length };
        });
        const fields = {
          ...{ id: 'batch-999999999999999', runId: 'r', step: Number.MAX_SAFE_INTEGER },
          ...{ policyVersion: Number.MAX_SAFE_INTEGER, delivery: 2 ** 31 - 1, leaseMs: 999_999.5 },
          ...{ digest: new Uint8Array(32).fill(7), rows },
        };
        const { manifest, rest } = batchManifestToProto(fields, headers, maxBytes);
        if (rest.length > 0) inSeveral += 1;
        const frames = [
          create(NextBatchResponseSchema, { frame: { case: 'manifest', value: manifest } }),
          ...rest.map((value) =>
            create(NextBatchResponseSchema, { frame: { case: 'manifestRest', value } }),
          ),
        ];
        for (const frame of frames) {
          const { value } = frame.frame as { value: (typeof rest)[number] };
          const isOneAlone = value.groups.length + value.rows.length === 1;
          const bytes = toBinary(NextBatchResponseSchema, frame).length;
          if (!isOneAlone) expect(bytes).toBeLessThanOrEqual(maxBytes + AROUND_BYTES);
          if (frame.frame.case !== 'manifest') {
            expect(value.groups.length + value.rows.length).toBeGreaterThan(0);
          }
        }
        const joined = create(BatchManifestSchema, {
          ...manifest,
          groups: [manifest, ...rest].flatMap(({ groups }) => groups),
          rows: [manifest, ...rest].flatMap(({ rows }) => rows),
        });
        const whole = batchManifestToProto(fields, headers, Infinity);
        expect(whole.rest).toEqual([]);
        expect(toBinary(BatchManifestSchema, joined)).toEqual(
          toBinary(BatchManifestSchema, whole.manifest),
        );
        expect(joined.rows.map(({ $typeName: _, ...row }) => row)).toEqual(rows);
      }),
    );
    expect(inSeveral).toBeGreaterThan(10);
  });
});
