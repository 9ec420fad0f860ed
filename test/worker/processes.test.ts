import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { createMemoryBroker } from '../../src/broker/index.ts';
import { connect, type LachesisClient } from '../../src/client/index.ts';
import { createEmbeddedPolicy, readBaseCheckpoint } from '../../src/policy/index.ts';
import { startServer } from '../../src/server/index.ts';
import { startScriptedOpenAI } from '../support/scripted-openai.ts';
import { type Child, freePort, runChild, testFolder } from './support/processes.ts';

/** A machine that is busy takes long to start a process; nothing here depends on how long. */
const PATIENCE_MS = 30_000;
const TEST_MS = 90_000;

const SLOW = path.resolve(import.meta.dirname, 'support/slow.ts');

function startWorker(folder: string, address: string, ...more: string[]): Child {
  return runChild('src/cli/run.ts', ['worker', SLOW, '--server', address, ...more], folder);
}

const orders = (ids: readonly string[]) =>
  ids.map((id, index) => ({
    ...{ id, runId: 'run', environment: 'slow', groupSize: 2, sampling: {}, limits: {} },
    task: { kind: 'key', key: `t${index % 10}` } as const,
  }));

const range = (count: number) => Array.from({ length: count }, (_, index) => `g${index}`);

/** Takes batches of a group each until all have come, as often as they come. */
async function train(client: LachesisClient, groups: number): Promise<readonly string[]> {
  await using consumer = await client.batches.register({ runId: 'run' });
  const trained: string[] = [];
  while (trained.length < groups) {
    const batch = await consumer.nextOrNone({ waitMs: PATIENCE_MS });
    if (!('ack' in batch)) throw new Error(`only ${trained.join(', ')} came`);
    trained.push(...batch.groups.map(({ groupId }) => groupId));
    await batch.ack();
  }
  return trained.sort();
}

/** What a watcher is told of each rollout of the groups, until all have ended. */
async function toldOf(client: LachesisClient, groupIds: readonly string[]) {
  const told = new Map<string, string[]>();
  const events = client.environments.watch({ groupIds, untilFinished: true });
  for await (const { rolloutId, event } of events) {
    if (event.case !== 'started' && event.case !== 'finished') continue;
    told.set(rolloutId, [...(told.get(rolloutId) ?? []), event.case]);
  }
  return told;
}

const settings = {
  batchSize: { kind: 'groups', groups: 1 },
  environments: ['slow'],
} as const;

describe('worker processes', () => {
  test(
    'one killed in the midst of its rollouts is replaced: each group is trained once, each rollout ends once',
    async () => {
      await using folder = await testFolder();
      const held = Promise.withResolvers<void>();
      let hangs = true;
      await using model = await startScriptedOpenAI({
        reply: () => ({ message: { content: 'here' }, ...(hangs && { after: held.promise }) }),
      });
      const broker = createMemoryBroker({ assignmentLeaseMs: 2_000 });
      const tokenDirectory = path.join(folder.path, 'lachesis');
      await using server = await startServer({ environments: [], broker, tokenDirectory });
      await using client = await connect({ address: server.address, tokenDirectory });
      await client.runs.open('run', settings);
      const engine = ['--openai-url', model.baseUrl, '--openai-model', 'm'];
      const first = startWorker(folder.path, server.address, ...engine);
      await using _first = first;
      await using second = startWorker(folder.path, server.address, ...engine);
      await Promise.all([first.until(/plays slow/), second.until(/plays slow/)]);
      await client.work.enqueue(orders(range(6)));
      await expect.poll(() => model.requests.length, { timeout: PATIENCE_MS }).toBe(12);
      const watching = toldOf(client, range(6));
      await first.kill();
      hangs = false;
      held.resolve();
      expect(await train(client, 6)).toEqual(range(6));
      const told = await watching;
      for (const [rolloutId, cases] of told) {
        expect(cases, rolloutId).toEqual(['started', 'finished']);
      }
      // What the dead one held was begun anew, under ids of its own.
      expect([...told.keys()].filter((id) => id.includes('@2')).length).toBeGreaterThan(0);
      expect(await client.runs.status('run')).toMatchObject({
        acceptedGroups: 6,
        openAssignments: 0,
      });
      expect(await second.stop()).toBe(0);
      await broker.close();
    },
    TEST_MS,
  );

  test.each([
    ['worker, trainer, engine, server'],
    ['trainer, server, worker, engine'],
    ['engine, worker, server, trainer'],
  ])(
    'started in the order of %s, they find each other',
    async (order) => {
      await using folder = await testFolder();
      await using owned = new AsyncDisposableStack();
      const tokenDirectory = path.join(folder.path, 'lachesis');
      const [port, enginePort] = [await freePort(), await freePort()];
      const address = `http://127.0.0.1:${port}`;
      let trained: Promise<readonly string[]> | undefined;
      const parts: Readonly<Record<string, () => unknown>> = {
        worker: () =>
          owned.use(
            startWorker(folder.path, address, '--policy-address', `127.0.0.1:${enginePort}`),
          ),
        trainer: () => {
          trained = (async () => {
            const limits = { tokenDirectory, connectTimeoutMs: PATIENCE_MS };
            await using client = await connect({ address, ...limits });
            await client.runs.open('run', settings);
            await client.work.enqueue(orders(range(2)));
            return await train(client, 2);
          })();
        },
        server: async () =>
          owned.use(await startServer({ environments: [], port, tokenDirectory })),
        engine: async () => {
          const policy = createEmbeddedPolicy({ checkpoint: await readBaseCheckpoint(), seed: 0 });
          owned.use(policy);
          owned.use(
            await startServer({ environments: [], policy, port: enginePort, tokenDirectory }),
          );
        },
      };
      for (const part of order.split(', ')) {
        await parts[part]?.();
        await new Promise((resolve) => setTimeout(resolve, 300));
      }
      expect(await trained).toEqual(range(2));
    },
    20_000,
  );

  test(
    'a server killed under them and started again on its store: worker, stream and trainer go on, nothing is lost',
    async () => {
      await using folder = await testFolder();
      const store = path.join(folder.path, 'store');
      const tokenDirectory = path.join(folder.path, 'lachesis');
      const port = await freePort();
      const address = `http://127.0.0.1:${port}`;
      const startServerProcess = async (): Promise<Child> => {
        const child = runChild(
          'test/worker/support/server-main.ts',
          [String(port), store],
          folder.path,
        );
        await child.until(/listening/);
        return child;
      };
      await using model = await startScriptedOpenAI({
        reply: async () => {
          await new Promise((resolve) => setTimeout(resolve, 100));
          return { message: { content: 'here' } };
        },
      });
      const engine = ['--openai-url', model.baseUrl, '--openai-model', 'm', '--concurrency', '4'];
      await using worker = startWorker(folder.path, address, ...engine);
      const first = await startServerProcess();
      await using _first = first;
      await using client = await connect({ address, tokenDirectory });
      await client.runs.open('run', settings);
      await client.work.enqueue(orders(range(16)));
      await expect
        .poll(async () => (await client.runs.status('run')).acceptedGroups, {
          ...{ timeout: PATIENCE_MS, interval: 10 },
        })
        .toBeGreaterThan(3);
      await first.kill();
      // It was in the midst of them.
      expect(model.requests.length).toBeLessThan(32);
      await using _second = await startServerProcess();
      // The very client of before: its connection and its token are found anew.
      await expect
        .poll(() => client.runs.status('run').catch(() => undefined), { timeout: PATIENCE_MS })
        .toMatchObject({ acceptedGroups: 16, openAssignments: 0 });
      expect(await train(client, 16)).toEqual(range(16).sort());
      expect(await worker.stop()).toBe(0);
    },
    TEST_MS,
  );
});
