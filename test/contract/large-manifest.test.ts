import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { clone, toBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BatchService } from '../../gen/lachesis/v1/batch_service_pb.ts';
import { GroupHeaderSchema } from '../../gen/lachesis/v1/group_pb.ts';
import { root } from '../../scripts/generate.ts';
import { ensurePython, pythonSource } from '../../scripts/python.ts';
import { lachesisErrorOf } from '../../src/client/index.ts';
import { createRpcClient } from '../../src/transport/index.ts';
import { WIRE_LIMITS } from '../../src/wire/index.ts';
import { encodedGroup } from '../support/encoded-group.ts';
import { type ServedForTest, serveForTest } from '../support/serve.ts';

const IDS = Array.from({ length: 10 }, (_, index) => `g-${index}`);
const ROWS_PER_GROUP = 4_096;
const ROWS = IDS.length * ROWS_PER_GROUP;

const python = await ensurePython();
const why = 'skipped' in python ? ` (skipped: ${python.skipped})` : '';

let served: ServedForTest;

/** One batch of 40,960 rows of a few tokens. */
beforeAll(async () => {
  served = await serveForTest();
  const options = { batchSize: { kind: 'rows', rows: ROWS } } as const;
  await served.client.runs.open('large', options);
  await using stream = served.client.work.submitGroups('large');
  const shape = { runId: 'large', groupSize: ROWS_PER_GROUP };
  const { header, parts } = await encodedGroup({ ...shape, id: 'shape' });
  const message = IDS.length * toBinary(GroupHeaderSchema, header).length;
  expect(message).toBeGreaterThan(WIRE_LIMITS.maxResponseMessageBytes);
  for (const groupId of IDS) {
    const named = clone(GroupHeaderSchema, header);
    named.groupId = groupId;
    await stream.submit({ header: named, parts });
  }
  await stream.close();
}, 60_000);
afterAll(() => served[Symbol.asyncDispose]());

describe('a batch whose manifest is over what one message holds', () => {
  test('is refused to a client that does not join manifests, and stays for one that does', {
    timeout: 30_000,
  }, async () => {
    const plain = createRpcClient(BatchService, served.client.transport);
    const consumer = { runId: 'large', consumerId: 'plain' };
    await plain.registerConsumer(consumer);
    const refused = await Array.fromAsync(plain.nextBatch(consumer)).catch(lachesisErrorOf);
    expect(refused).toMatchObject({
      kind: 'failed_precondition',
      reason: 'MANIFEST_TOO_LARGE',
      field: 'split_manifest',
    });
    const joining = { ...consumer, splitManifest: true };
    const frames = await Array.fromAsync(plain.nextBatch(joining));
    const rows = frames.flatMap(({ frame }) =>
      frame.case === 'manifest' || frame.case === 'manifestRest' ? frame.value.rows : [],
    );
    expect(rows).toHaveLength(ROWS);
    const cases = frames.map(({ frame }) => frame.case);
    expect(cases.lastIndexOf('manifestRest')).toBeLessThan(cases.indexOf('chunk'));
    await plain.nackBatch({ ...consumer, batchId: 'batch-1', reason: 'for another' });
  });

  test.skipIf('skipped' in python)(
    `comes whole to a Python trainer${why}`,
    {
      timeout: 60_000,
    },
    async () => {
      if ('skipped' in python) return;
      const script = path.join(root, 'python', 'tests', 'large_batch.py');
      const { address, tokens } = served.server;
      // Not spawnSync: this process is the server.
      const { stdout } = await promisify(execFile)(
        python.python,
        [script, address, tokens!.operator, 'large'],
        { env: { ...process.env, PYTHONPATH: pythonSource }, timeout: 50_000 },
      );
      expect(JSON.parse(stdout)).toEqual({ groups: IDS, rows: ROWS, names: ROWS });
    },
  );

  test('comes whole, with the rows of each rank', { timeout: 30_000 }, async () => {
    const worldSize = 2;
    const batches = await Promise.all(
      [0, 1].map(async (rank) => {
        const { batches } = served.client;
        await using consumer = await batches.register({ runId: 'large', rank, worldSize });
        const batch = (await consumer.next())!;
        await batch.ack();
        return batch;
      }),
    );
    for (const { rows, groups } of batches) {
      expect(groups.map(({ groupId }) => groupId)).toEqual(IDS);
      expect(rows).toHaveLength(ROWS / worldSize);
    }
    const seen = batches.flatMap(({ rows }) =>
      rows.map((row) => `${row.groupId}/${row.rolloutId}`),
    );
    expect(new Set(seen).size).toBe(ROWS);
    const last = batches[1]!.rows.at(-1)!;
    expect(last.tokenIds).toHaveLength(last.tokens);
  });
});
