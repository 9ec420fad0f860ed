import { clone } from '@bufbuild/protobuf';
import { Code } from '@connectrpc/connect';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BatchService } from '../../gen/lachesis/v1/batch_service_pb.ts';
import { GroupHeaderSchema } from '../../gen/lachesis/v1/group_pb.ts';
import { Batch, type LachesisClient, lachesisErrorOf } from '../../src/client/index.ts';
import { hostEnvironment } from '../../src/environment/index.ts';
import { createRpcClient } from '../../src/transport/index.ts';
import { fakeModelServer } from '../environment/fake-model-server.ts';
import { encodedGroup } from '../support/encoded-group.ts';
import { type ServedForTest, serveForTest, sums } from '../support/serve.ts';

let served: ServedForTest;
let client: LachesisClient;

beforeAll(async () => {
  served = await serveForTest();
  client = served.client;
});
afterAll(() => served[Symbol.asyncDispose]());

const byGroups = (groups: number) => ({ batchSize: { kind: 'groups', groups } as const });

describe('runs', () => {
  test('are opened, taken over, listed and closed', async () => {
    const first = await client.runs.open('open', byGroups(2), { initialPolicyVersion: 3 });
    expect(first).toMatchObject({ existed: false, run: { id: 'open', policyVersion: 3, step: 0 } });
    expect(await client.runs.open('open', byGroups(2))).toMatchObject({
      existed: true,
      run: { policyVersion: 3 },
    });
    await expect(client.runs.open('open', byGroups(3))).rejects.toMatchObject({
      code: Code.FailedPrecondition,
    });
    const ids = (await Array.fromAsync(client.runs.list())).map(({ id }) => id);
    expect(ids).toContain('open');
    expect(await client.runs.close('open')).toMatchObject({ closed: true });
  });

  test('with an id or settings that make no sense are refused by field', async () => {
    const noId = await client.runs.open('no/slash', byGroups(1)).catch(lachesisErrorOf);
    expect(noId).toMatchObject({ kind: 'invalid_input', field: 'run_id' });
    const autoPlay = { environments: [{ environment: 'x', groupSize: 1 }], maxAhead: 1 };
    const open = client.runs.open('auto', { ...byGroups(1), autoPlay });
    expect(await open.catch(lachesisErrorOf)).toMatchObject({
      kind: 'not_found',
      field: 'settings.auto_play.environments[0].environment',
    });
  });

  test('that would play a split without tasks are refused when they are opened', async () => {
    const part = { environment: 'sums', groupSize: 1, split: 'dev' };
    const settings = { ...byGroups(1), autoPlay: { environments: [part], maxAhead: 1 } };
    const refused = await client.runs.open('no-split', settings).catch(lachesisErrorOf);
    expect(refused).toMatchObject({ kind: 'failed_precondition', reason: 'NO_TASKS' });
  });

  test('are watched until they are closed', async () => {
    await client.runs.open('watched', byGroups(1));
    const seen: boolean[] = [];
    for await (const { run } of client.runs.watch('watched', { intervalMs: 50 })) {
      seen.push(run.closed);
      if (seen.length === 2) await client.runs.close('watched');
    }
    expect(seen.at(0)).toBe(false);
    expect(seen.at(-1)).toBe(true);
  });
});

describe('submitting groups', () => {
  test('each is stored once, and read back as it was sent', async () => {
    await client.runs.open('submit', byGroups(100));
    const groups = await Promise.all(
      ['a', 'b', 'c'].map((id) => encodedGroup({ id, runId: 'submit' })),
    );
    const stream = client.work.submitGroups('submit');
    const answers = await Promise.all(groups.map((group) => stream.submit(group)));
    expect(answers).toEqual(groups.map(() => ({ duplicate: false })));
    expect(await stream.submit(groups[0]!)).toEqual({ duplicate: true });
    await stream.close();
    const read = await client.runs.group('submit', 'b');
    expect(read.parts).toEqual(groups[1]?.parts);
    expect(read.decode().group.rollouts).toHaveLength(2);
    const scanned = await Array.fromAsync(client.runs.scan('submit', { headerOnly: true }));
    expect(scanned.map(([position, { header }]) => [position, header.groupId])).toEqual([
      [1, 'a'],
      [2, 'b'],
      [3, 'c'],
    ]);
    expect(await client.runs.status('submit')).toMatchObject({ waitingGroups: 3, rollouts: 6 });
  });

  test('a bad group is refused with the path of the field, and the stream goes on', async () => {
    await client.runs.open('refuse', byGroups(100));
    const good = await encodedGroup({ id: 'good', runId: 'refuse' });
    const lying = clone(GroupHeaderSchema, good.header);
    lying.groupId = 'lying';
    lying.parts[1]!.tokens += 1;
    const swapped = clone(GroupHeaderSchema, good.header);
    swapped.groupId = 'swapped';
    swapped.digest = new Uint8Array(32);
    const elsewhere = await encodedGroup({ id: 'elsewhere', runId: 'another' });
    await using stream = client.work.submitGroups('refuse');
    const answers = await Promise.allSettled([
      stream.submit({ header: lying, parts: good.parts }),
      stream.submit({ header: swapped, parts: good.parts }),
      stream.submit(elsewhere),
      stream.submit(good),
    ]);
    expect(answers).toMatchObject([
      { status: 'rejected', reason: { field: 'header.parts[1].tokens' } },
      { status: 'rejected', reason: { field: 'header.digest', reason: 'GROUP_DIGEST_MISMATCH' } },
      { status: 'rejected', reason: { field: 'header.run_id' } },
      { status: 'fulfilled', value: { duplicate: false } },
    ]);
    expect(await client.runs.status('refuse')).toMatchObject({ acceptedGroups: 1 });
  });

  test('to a run that is not there, or over the size limit, fails typed', async () => {
    const group = await encodedGroup({ id: 'g', runId: 'missing' });
    await using stream = client.work.submitGroups('missing');
    await expect(stream.submit(group)).rejects.toMatchObject({ code: Code.NotFound });
    await using small = await serveForTest({ limits: { maxGroupBytes: 100 } });
    await small.client.runs.open('small', byGroups(1));
    await using narrow = small.client.work.submitGroups('small');
    const big = await encodedGroup({ id: 'big', runId: 'small' });
    await expect(narrow.submit(big)).rejects.toMatchObject({ reason: 'GROUP_TOO_LARGE' });
  });

  test('waits while the run is full, and goes on when a batch leaves', async () => {
    await client.runs.open('full', { ...byGroups(1), maxWaitingGroups: 1 });
    await using stream = client.work.submitGroups('full');
    await stream.submit(await encodedGroup({ id: 'one', runId: 'full' }));
    let second = false;
    const submitting = stream.submit(await encodedGroup({ id: 'two', runId: 'full' })).then(() => {
      second = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(second).toBe(false);
    await using consumer = await client.batches.register({ runId: 'full' });
    await (await consumer.next())?.ack();
    await submitting;
  });
});

describe('batches', () => {
  test('hand out the very bytes that were submitted, and steps rise on acks', async () => {
    await client.runs.open('batches', byGroups(2));
    await using stream = client.work.submitGroups('batches');
    const groups = await Promise.all(
      ['a', 'b'].map((id) => encodedGroup({ id, runId: 'batches', tokens: 200_000 })),
    );
    for (const group of groups) await stream.submit(group);
    await using consumer = await client.batches.register({ runId: 'batches' });
    const batch = await consumer.next({ includeRollouts: true });
    expect(batch).toBeInstanceOf(Batch);
    expect(batch).toMatchObject({ step: 1, delivery: 1, policyVersion: 0 });
    expect(batch?.groups.map(({ groupId }) => groupId)).toEqual(['a', 'b']);
    expect(batch?.rows).toHaveLength(4);
    const [row] = batch!.rows;
    expect(row).toMatchObject({
      groupId: 'a',
      rolloutId: 'a.0',
      reward: 1,
      sampledTokens: 200_000,
    });
    expect(row?.tokenIds).toBeInstanceOf(Int32Array);
    expect(row?.logprobs).toHaveLength(200_000);
    expect(row?.trainedMask().reduce((sum, bit) => sum + bit, 0)).toBe(200_000);
    expect(batch?.rollout(0, 1)).toMatchObject({ id: 'a.1', outcome: { reward: 1 } });
    expect(await client.runs.status('batches')).toMatchObject({ leasedBatches: 1 });
    expect(await batch?.ack()).toEqual({ complete: true, step: 1 });
    expect(await batch?.ack()).toEqual({ complete: true, step: 1 });
  });

  test('given back, they come again, identical', async () => {
    await client.runs.open('nack', byGroups(1));
    await using stream = client.work.submitGroups('nack');
    await stream.submit(await encodedGroup({ id: 'a', runId: 'nack' }));
    await using consumer = await client.batches.register({ runId: 'nack' });
    const first = await consumer.next();
    await first?.nack('out of memory');
    const again = await consumer.next();
    expect(again).toMatchObject({ id: first?.id, delivery: 2, digest: first?.digest });
    await again?.extend();
    await again?.ack();
  });

  test('of several consumers: one that is gone is named, taken out, and told when it comes back', async () => {
    await client.runs.open('fanned', byGroups(1));
    await using stream = client.work.submitGroups('fanned');
    for (const id of ['a', 'b']) await stream.submit(await encodedGroup({ id, runId: 'fanned' }));
    await using trainer = await client.batches.register({ runId: 'fanned' });
    const archive = { runId: 'fanned', consumerId: 'archive', mode: 'fan_out' } as const;
    await using gone = await client.batches.register(archive);
    const late = (await gone.next({ waitMs: 1_000 }))!;
    expect(await (await trainer.next({ waitMs: 1_000 }))?.ack()).toMatchObject({ step: 1 });
    const { consumers } = await client.runs.status('fanned');
    expect(consumers.first).toMatchObject([
      { consumerId: 'trainer', mode: 'compete', step: 1, nextStep: 2, openBatches: 0 },
      { consumerId: 'archive', mode: 'fan_out', step: 0, nextStep: 1, openBatches: 1 },
    ]);
    const taken = { existed: true, releasedBatches: 1 };
    expect(await client.batches.unregister('fanned', 'archive')).toEqual(taken);
    expect(await client.batches.unregister('fanned', 'archive')).toMatchObject({ existed: false });
    const reasonOf = async (call: Promise<unknown>) => lachesisErrorOf(await call.catch((e) => e));
    const calls = [() => late.ack(), () => gone.next(), () => client.batches.register(archive)];
    for (const call of calls) {
      expect(await reasonOf(call())).toMatchObject({
        kind: 'failed_precondition',
        reason: 'CONSUMER_UNREGISTERED',
        remedy: expect.stringContaining('rejoin'),
      });
    }
    await using again = await client.batches.register({ ...archive, rejoin: true });
    expect(again).toMatchObject({ step: 1, consumerStep: 1, committedStep: undefined });
    expect(await again.next({ waitMs: 1_000 })).toMatchObject({ step: 2, delivery: 1 });
    expect(await again.unregister()).toEqual({ releasedBatches: 1 });
  });

  test('say of which delivery an ack is: a late one is refused, and who was handed the batch keeps it', async () => {
    await client.runs.open('late', byGroups(1));
    await using stream = client.work.submitGroups('late');
    await stream.submit(await encodedGroup({ id: 'a', runId: 'late' }));
    await using consumer = await client.batches.register({ runId: 'late' });
    const first = (await consumer.next())!;
    await first.nack('restarted');
    const second = (await consumer.next())!;
    for (const call of [() => first.ack(), () => first.nack('late'), () => first.extend()]) {
      expect(lachesisErrorOf(await call().catch((error: unknown) => error))).toMatchObject({
        kind: 'aborted',
        reason: 'STALE_LEASE',
        metadata: { delivery: '2', holder: 'trainer' },
      });
    }
    await second.extend();
    expect(await second.ack()).toEqual({ complete: true, step: 1 });
    expect(await first.ack()).toEqual({ complete: true, step: 1 });
  });

  test('are handed out again, identical, to a trainer that goes back to its checkpoint', async () => {
    await client.runs.open('rewound', byGroups(1));
    await using stream = client.work.submitGroups('rewound');
    for (const id of ['a', 'b', 'c']) {
      await stream.submit(await encodedGroup({ id, runId: 'rewound' }));
    }
    await using consumer = await client.batches.register({ runId: 'rewound' });
    const digests: string[] = [];
    for (let step = 1; step <= 2; step++) {
      const batch = (await consumer.next({ waitMs: 1_000 }))!;
      digests.push(Buffer.from(batch.digest).toString('hex'));
      await batch.ack();
    }
    await consumer.commit(1);
    expect(await consumer.rewind(1)).toBe(1);
    const again = (await consumer.next({ waitMs: 1_000 }))!;
    expect(Buffer.from(again.digest).toString('hex')).toBe(digests[1]);
    await expect(consumer.commit(7).catch(lachesisErrorOf)).resolves.toMatchObject({
      reason: 'STEP_NOT_ACKED',
      field: 'step',
    });
  });

  test('split their rows over ranks', async () => {
    await client.runs.open('ranks', byGroups(2));
    await using stream = client.work.submitGroups('ranks');
    for (const id of ['a', 'b']) await stream.submit(await encodedGroup({ id, runId: 'ranks' }));
    const ranks = await Promise.all(
      [0, 1].map((rank) => client.batches.register({ runId: 'ranks', rank, worldSize: 2 })),
    );
    const batches = await Promise.all(ranks.map((consumer) => consumer.next()));
    expect(batches[0]?.id).toBe(batches[1]?.id);
    const rows = batches.flatMap((batch) => batch?.rows.map(({ rolloutId }) => rolloutId) ?? []);
    expect(rows.sort()).toEqual(['a.0', 'a.1', 'b.0', 'b.1']);
    expect(await batches[0]?.ack()).toEqual({ complete: false, step: 0 });
    expect(await batches[1]?.ack()).toEqual({ complete: true, step: 1 });
  });

  test('that do not come in time say so, before the deadline does', async () => {
    await client.runs.open('empty', byGroups(2));
    await using consumer = await client.batches.register({ runId: 'empty' });
    const none = { waiting: 0, needed: 2, closed: false, heldBackBy: [] };
    expect(await consumer.nextOrNone({ waitMs: 20 })).toEqual(none);
    expect(await consumer.nextOrNone({ timeoutMs: 300 })).toEqual(none);
    await expect(consumer.next({ waitMs: 20 })).rejects.toMatchObject({ reason: 'NO_BATCH' });
    await client.runs.close('empty');
    expect(await consumer.next()).toBeUndefined();
  });

  test('in a codec that the consumer did not name are refused and given back', async () => {
    await client.runs.open('codecs', byGroups(1));
    await using stream = client.work.submitGroups('codecs');
    await stream.submit(await encodedGroup({ id: 'a', runId: 'codecs', codec: 'zstd' }));
    const plain = createRpcClient(BatchService, client.transport);
    const consumer = { runId: 'codecs', consumerId: 'plain' };
    await plain.registerConsumer(consumer);
    const refused = await Array.fromAsync(plain.nextBatch(consumer)).catch(lachesisErrorOf);
    expect(refused).toMatchObject({ reason: 'CODEC_NOT_ACCEPTED' });
    await using able = await client.batches.register({ runId: 'codecs', consumerId: 'able' });
    const batch = await able.next({ timeoutMs: 5_000 });
    expect(batch?.rows[0]?.row.spans.length).toBeGreaterThan(0);
    await batch?.ack();
  });

  test('policy versions only rise, and watchers see each', async () => {
    await client.runs.open('versions', byGroups(1));
    const seen: number[] = [];
    for await (const version of client.batches.watchPolicyVersion('versions')) {
      seen.push(version);
      if (version === 2) break;
      await client.batches.publishPolicyVersion('versions', version + 1);
    }
    expect(seen).toEqual([0, 1, 2]);
    await expect(client.batches.publishPolicyVersion('versions', 1)).rejects.toMatchObject({
      code: Code.FailedPrecondition,
    });
  });
});

test('what is played for a run names the isolation that its environment is served with', async () => {
  const environment = await hostEnvironment(sums);
  const modelServer = fakeModelServer(() => ({ text: '4' }));
  await using isolated = await serveForTest({
    environments: [{ environment, modelServer, isolation: 'container' }],
  });
  const { environments, runs } = isolated.client;
  await runs.open('isolated', byGroups(1));
  const order = { id: 'g', runId: 'isolated', environment: 'sums', taskKey: '0' };
  const { rolloutIds } = await environments.startGroup(order);
  await Array.fromAsync(environments.watch({ groupIds: ['g'], untilFinished: true }));
  const found = await environments.rollout(rolloutIds[0] ?? '');
  expect(found).toMatchObject({
    kind: 'finished',
    rollout: { provenance: { isolation: 'container' } },
  });
});
