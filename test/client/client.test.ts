import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clone, create } from '@bufbuild/protobuf';
import { Code } from '@connectrpc/connect';
import { describe, expect, test } from 'vitest';
import { BatchManifestSchema } from '../../gen/lachesis/v1/batch_service_pb.ts';
import { GroupChunkSchema } from '../../gen/lachesis/v1/group_pb.ts';
import { Batch, connect, lachesisErrorOf } from '../../src/client/index.ts';
import { PartsReceiver } from '../../src/client/parts-receiver.ts';
import { batchDigest, chunksOf } from '../../src/wire/index.ts';
import { encodedGroup } from '../support/encoded-group.ts';
import { serveForTest } from '../support/serve.ts';
import { tcpProxy } from '../support/tcp-proxy.ts';

describe('connecting', () => {
  test('finds the newest server of this user by itself', async () => {
    await using served = await serveForTest();
    await using client = await connect({ tokenDirectory: join(served.directory, 'tokens') });
    expect(client.address).toBe(served.server.address);
    expect((await client.server.info()).instanceId).toBe(served.server.instanceId);
  });

  test('says what to do when there is none, and when nobody answers', async () => {
    const tokenDirectory = await mkdtemp(join(tmpdir(), 'lachesis-none-'));
    await expect(connect({ tokenDirectory })).rejects.toMatchObject({
      reason: 'NO_SERVER',
      message: expect.stringContaining('lachesis serve'),
    });
    const nobody = connect({
      address: 'http://127.0.0.1:1',
      connectTimeoutMs: 200,
      tokenDirectory,
    });
    await expect(nobody).rejects.toMatchObject({ code: Code.Unavailable });
  });

  test('closed, cancels what is open', async () => {
    await using served = await serveForTest();
    const client = await served.connect();
    const watching = Array.fromAsync(client.environments.watch());
    const cancelled = expect(watching).rejects.toMatchObject({ code: Code.Canceled });
    await expect.poll(() => served.server.listener.stats().exchanges).toBeGreaterThan(0);
    await client[Symbol.asyncDispose]();
    await cancelled;
  });
});

describe('a watch', () => {
  test('survives its connection without gap or repeat', async () => {
    await using served = await serveForTest();
    await using proxy = await tcpProxy(served.server.port);
    await using far = await served.connect({
      address: `http://127.0.0.1:${proxy.port}`,
      token: served.server.tokens!.operator,
      transport: { reconnectInitialMs: 10, reconnectMaxMs: 50 },
    });
    const { environments } = served.client;
    const sequences: number[] = [];
    const start = (id: string) =>
      environments.startRollouts({ id, environment: 'sums', taskKey: 'sum-2', groupSize: 2 });
    const { afterSequence } = await start('first');
    for await (const { sequence } of far.environments.watch({ afterSequence })) {
      sequences.push(Number(sequence));
      if (sequences.length === 6) {
        proxy.cut();
        await start('second');
      }
      if (sequences.length === 12) break;
    }
    expect(sequences).toEqual(Array.from({ length: 12 }, (_, i) => afterSequence + 1 + i));
  });
});

describe('a submit stream', () => {
  test('that is not to reconnect rejects what was not answered when it breaks; a new one stores it once', async () => {
    await using served = await serveForTest();
    await using proxy = await tcpProxy(served.server.port);
    await using far = await served.connect({
      address: `http://127.0.0.1:${proxy.port}`,
      token: served.server.tokens!.operator,
      reconnect: false,
    });
    await served.client.runs.open('run', { batchSize: { kind: 'groups', groups: 9 } });
    const group = await encodedGroup({ id: 'a', runId: 'run' });
    const stream = far.work.submitGroups('run');
    await stream.submit(group);
    proxy.cut();
    await expect(stream.submit(await encodedGroup({ id: 'b', runId: 'run' }))).rejects.toThrow();
    await expect(stream.close()).rejects.toThrow();
    await using again = served.client.work.submitGroups('run');
    expect(await again.submit(group)).toEqual({ duplicate: true });
    expect(await again.submit(await encodedGroup({ id: 'b', runId: 'run' }))).toEqual({
      duplicate: false,
    });
  });

  test('closed, takes no more', async () => {
    await using served = await serveForTest();
    await served.client.runs.open('run', { batchSize: { kind: 'groups', groups: 9 } });
    const stream = served.client.work.submitGroups('run');
    await stream.close();
    const late = stream.submit(await encodedGroup({ id: 'a', runId: 'run' }));
    await expect(late).rejects.toMatchObject({ reason: 'STREAM_CLOSED' });
  });
});

describe('a received batch', () => {
  const lease = {
    ack: () => Promise.reject(new Error('unused')),
    nack: () => Promise.reject(new Error('unused')),
    extend: () => Promise.reject(new Error('unused')),
  };

  async function received() {
    const group = await encodedGroup({ id: 'a', runId: 'run' });
    const rows = [
      { groupIndex: 0, partIndex: 0, rank: 0 },
      { groupIndex: 0, partIndex: 1, rank: 0 },
    ];
    const manifest = create(BatchManifestSchema, {
      batchId: 'b',
      groups: [group.header],
      rows,
      digest: batchDigest([group.digest], rows),
    });
    return { group, manifest };
  }

  function receive(header: Parameters<typeof partsOf>[0], parts: readonly Uint8Array[]) {
    return partsOf(header, parts);
  }

  test('is refused when its rows, its order or its bytes are not what was cut', async () => {
    const { group, manifest } = await received();
    const good = { manifest, rank: 0, groups: [receive(group.header, group.parts)] };
    expect(new Batch(good, lease).rows.map(({ rolloutId }) => rolloutId)).toEqual(['a.0', 'a.1']);
    const reordered = clone(BatchManifestSchema, manifest);
    reordered.rows.reverse();
    expect(() => new Batch({ ...good, manifest: reordered }, lease)).toThrow(/digest/);
    const parts = group.parts.map((part) => part.slice());
    parts[0]![5]! ^= 1;
    const flipped = { ...good, groups: [receive(group.header, parts)] };
    expect(() => new Batch(flipped, lease)).toThrow(/digest/);
    // Without the transcripts, as a trainer mostly asks for it, each row is still checked.
    const rowsOnly = new PartsReceiver(group.header);
    for (const partIndex of [0, 1]) {
      rowsOnly.add(create(GroupChunkSchema, { partIndex, data: parts[partIndex]! }));
    }
    expect(() => new Batch({ ...good, groups: [rowsOnly] }, lease)).toThrow(/part 0 .*digest/);
    const missing = { ...good, groups: [new PartsReceiver(group.header)] };
    expect(() => new Batch(missing, lease)).toThrow(/did not come/);
  });
});

describe('errors', () => {
  test('carry the kind, reason, field and remedy of the server', async () => {
    await using served = await serveForTest();
    const error = await served.client.environments.task('nowhere', 'x').catch(lachesisErrorOf);
    expect(error).toMatchObject({
      kind: 'not_found',
      reason: 'ENVIRONMENT_UNKNOWN',
      field: 'environment',
      remedy: 'Hosted are: sums.',
    });
  });
});

function partsOf(
  header: ConstructorParameters<typeof PartsReceiver>[0],
  parts: readonly Uint8Array[],
): PartsReceiver {
  const receiver = new PartsReceiver(header);
  for (const [partIndex, part] of parts.entries()) {
    for (const { offset, data } of chunksOf(part, 100)) {
      receiver.add({
        $typeName: 'lachesis.v1.GroupChunk',
        partIndex,
        offset: BigInt(offset),
        data,
      });
    }
  }
  return receiver;
}
