import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { connect } from '../../src/client/index.ts';
import { startServer } from '../../src/server/index.ts';
import { cli } from './support.ts';

const shop = path.resolve(import.meta.dirname, '../../examples/environments/shop.ts');

describe('lachesis worker', () => {
  test('plays for runs of a server that plays nothing itself, with its policy, and gives back at Ctrl-C', async () => {
    const serve = cli('serve', shop, '--no-play');
    const [, address = ''] = await serve.until(/listening on (\S+)/);
    await using client = await connect({ address });
    const part = { environment: 'shop', groupSize: 2 };
    await client.runs.open('run', {
      batchSize: { kind: 'groups', groups: 2 },
      autoPlay: { environments: [part], maxAhead: 2 },
    });
    await using consumer = await client.batches.register({ runId: 'run' });
    const early = await consumer.nextOrNone({ waitMs: 200 });
    expect(early).toMatchObject({ waiting: 0 });
    const worker = cli('worker', shop, '--server', address, '--worker-id', 'mine');
    await worker.until(/connected to http:\S+\n/);
    await worker.until(/worker mine plays shop, by .* \(managed\)/);
    const batch = await consumer.next({ waitMs: 20_000 });
    expect(batch?.groups.map(({ environment }) => environment)).toEqual(['shop', 'shop']);
    const { group } = (await client.runs.group('run', batch?.groups[0]?.groupId ?? '')).decode();
    expect(group.rollouts.map(({ provenance }) => provenance.workerId)).toEqual(['mine', 'mine']);
    expect(group.rollouts[0]?.segments[0]?.tokenIds.length).toBeGreaterThan(0);
    worker.stop();
    expect(await worker.code).toBe(0);
    serve.stop();
    expect(await serve.code).toBe(0);
  });

  test('says once that it waits for a server, and ends at Ctrl-C all the same', async () => {
    const worker = cli(
      'worker',
      shop,
      '--server',
      'http://127.0.0.1:9',
      '--openai-url',
      'http://127.0.0.1:9/v1',
      '--openai-model',
      'm',
    );
    await expect
      .poll(() => worker.err(), { timeout: 20_000 })
      .toMatch(/waiting for http:\/\/127\.0\.0\.1:9: /);
    worker.stop();
    expect(await worker.code).toBe(130);
    expect(worker.err().match(/waiting/g)).toHaveLength(1);
  });

  test('is told what is missing or makes no sense, by the option', async () => {
    const tokenDirectory = mkdtempSync(path.join(tmpdir(), 'lachesis-worker-'));
    await using server = await startServer({
      environments: [],
      auth: { kind: 'none' },
      tokenDirectory,
    });
    const at = ['--server', server.address];
    const away = ['--server', 'http://127.0.0.1:9'];
    const table: readonly [RegExp, readonly string[]][] = [
      [/FILE: is missing/, []],
      [/--server: "nowhere" is no address/, [shop, '--server', 'nowhere']],
      [/--tls-ca: is given, but --server is not https/, [shop, ...at, '--tls-ca', shop]],
      [/--tls-client-key: is missing/, [shop, ...at, '--tls-client-cert', shop]],
      [/--concurrency: is "0"/, [shop, ...at, '--concurrency', '0']],
      // Before anything is asked of a server.
      [/--worker-id: is "a b"; letters, digits/, [shop, ...away, '--worker-id', 'a b']],
      [
        /--worker-id: "serve-1" is for the worker in a server/,
        [shop, ...away, '--worker-id', 'serve-1'],
      ],
      [/--engine: is missing; the server at .* has no policy/, [shop, ...at]],
    ];
    for (const [message, args] of table) {
      const run = cli('worker', ...args);
      expect(await run.code, run.err()).toBe(2);
      expect(run.err()).toMatch(message);
    }
  });

  test('whose name a second one has ends and says why; one that starts again goes on at once', async () => {
    const tokenDirectory = mkdtempSync(path.join(tmpdir(), 'lachesis-worker-'));
    await using server = await startServer({
      environments: [],
      auth: { kind: 'none' },
      tokenDirectory,
    });
    const engine = ['--openai-url', 'http://127.0.0.1:9/v1', '--openai-model', 'm'];
    const named = () =>
      cli('worker', shop, '--server', server.address, ...engine, '--worker-id', 'twin');
    const first = named();
    await first.until(/plays shop/);
    const second = named();
    await second.until(/plays shop/);
    expect(await first.code).toBe(1);
    expect(first.err()).toMatch(/another worker registered as "twin" and took its place/);
    second.stop();
    expect(await second.code).toBe(0);
    const again = named();
    await again.until(/plays shop/);
    again.stop();
    expect(await again.code).toBe(0);
  });

  test('with a token that the server does not know ends, and does not wait for a better one', async () => {
    const token = 'a-token-of-the-workers';
    await using server = await startServer({
      environments: [],
      auth: { kind: 'credentials', credentials: [{ scope: 'worker', token }] },
    });
    const engine = ['--openai-url', 'http://127.0.0.1:9/v1', '--openai-model', 'm'];
    const at = ['worker', shop, '--server', server.address, ...engine];
    const wrong = cli(...at, '--token', 'another-token-altogether');
    expect(await wrong.code).toBe(1);
    expect(wrong.err()).toMatch(/token|credential/);
    const right = cli(...at, '--token', token);
    await right.until(/connected/);
    right.stop();
    await right.code;
  });
});
