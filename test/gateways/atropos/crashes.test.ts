import { mkdtempSync, rmSync } from 'node:fs';
import * as net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type BrokerStore, openDurableBroker } from '../../../src/broker/index.ts';
import { MapStore } from '../../broker/support/map-store.ts';
import { type MortalStore, mortal } from './mortal-store.ts';
import { environment, group, startTestGateway, type TestGateway, trainer } from './support.ts';

const BATCH = 6;

/** Servers one after the other over a store that outlives them, and over their session's file. */
class Server {
  readonly #store: BrokerStore = new MapStore();
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'lachesis-atropos-'));
  readonly #ended: (() => Promise<void>)[] = [];
  #now: { readonly gateway: TestGateway; readonly store: MortalStore } | undefined;

  get gateway(): TestGateway {
    if (this.#now === undefined) throw new Error('it runs no more');
    return this.#now.gateway;
  }

  get process(): MortalStore {
    if (this.#now === undefined) throw new Error('it runs no more');
    return this.#now.store;
  }

  async start(limits: object = {}): Promise<void> {
    const store = mortal(this.#store);
    const broker = openDurableBroker({ store });
    const sessionFile = path.join(this.#folder, 'session');
    const gateway = await startTestGateway({ broker, sessionFile, limits });
    this.#now = { gateway, store };
    this.#ended.push(async () => {
      await gateway[Symbol.asyncDispose]();
      await broker.close();
    });
  }

  /** As SIGKILL: nothing of it reaches the store any more. Another serves in its place. */
  async crash(limits: object = {}): Promise<void> {
    this.#now?.store.die();
    await this.start(limits);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#now?.store.die();
    for (const end of this.#ended) await end();
    rmSync(this.#folder, { recursive: true });
  }
}

/** When it crashes: some turns of the event loop after the push began, or when it is stored and not answered. */
type Moment = number | 'stored';
type Step =
  | { readonly kind: 'push' | 'push and crash'; readonly size: number; readonly turns: Moment }
  | { readonly kind: 'take' | 'take and crash' | 'crash' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('push', 'push and crash'),
      size: fc.integer({ min: 1, max: BATCH }),
      turns: fc.oneof(fc.nat({ max: 60 }), fc.constant('stored' as const)),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom('take', 'take and crash', 'crash') }),
  },
);

test('whatever server dies, each accepted group is in exactly one batch, which comes again the same', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 5, maxLength: 20 }),
      fc.nat({ max: 4 }),
      async (steps, early) => {
        await using server = new Server();
        await server.start();
        let pushed = 0;
        const batchOf = new Map<number, string>();
        const push = async (size: number, crash: Moment | undefined): Promise<void> => {
          pushed += 1;
          const body = group(size, pushed);
          const { process } = server;
          if (crash === 'stored') process.dieWhenStored();
          let isHeard = false;
          const first = server.gateway.push(body).then(
            ({ status }) => {
              // An answer that comes after the crash is one that nobody hears.
              isHeard = status === 200 && !process.isDead;
            },
            () => {},
          );
          if (typeof crash === 'number') for (let i = 0; i < crash; i++) await turn();
          else await first;
          if (crash !== undefined) await server.crash();
          await first;
          // It is sent again in the same words, as the SDK does.
          if (!isHeard) expect((await server.gateway.push(body)).status).toBe(200);
        };
        const take = async (): Promise<boolean> => {
          const { batch } = (await server.gateway.ask('/batch')).body;
          if (batch === null) return false;
          const whole = JSON.stringify(batch);
          for (const { tokens } of batch) {
            const mark = tokens[0][0];
            expect(batchOf.get(mark) ?? whole).toBe(whole);
            batchOf.set(mark, whole);
          }
          return true;
        };
        // Before there is a run, too.
        for (let i = 0; i < early; i++) await push(1, i % 2 === 0 ? 'stored' : undefined);
        await server.gateway.ask('/register', { body: { ...trainer, batch_size: BATCH } });
        for (const each of steps) {
          if (each.kind === 'push') await push(each.size, undefined);
          else if (each.kind === 'push and crash') await push(each.size, each.turns);
          else if (each.kind === 'take') await take();
          else {
            if (each.kind === 'take and crash') await take();
            await server.crash();
          }
        }
        const rest = async (): Promise<number> => {
          while (await take());
          const { queue_size } = (await server.gateway.ask('/status')).body;
          return batchOf.size + queue_size;
        };
        await expect.poll(rest, { timeout: 20_000 }).toBe(pushed);
      },
    ),
    { numRuns: 40 },
  );
}, 60_000);

test('what was said before a crash is known after it: trainer, environments, whose groups wait', async () => {
  await using server = new Server();
  await server.start();
  await server.gateway.begin(8, { starting_step: 40, checkpoint_dir: 'here' });
  const short = await server.gateway.register('gsm 8k', { max_token_length: 1_000 });
  const long = await server.gateway.register('gsm 8k', {
    max_token_length: 3_000,
    min_batch_allocation: 0.25,
    group_size: 4,
  });
  const gone = await server.gateway.register('gone', { min_batch_allocation: 0.5 });
  await server.gateway.ask('/disconnect-env', { body: { env_id: gone } });
  await server.gateway.push(group(2, 1, { env_id: short }));
  await server.gateway.push(group(4, 2, { env_id: long }));
  const statusOf = async (id: number) =>
    (await server.gateway.ask(`/status-env?env_id=${id}`)).body;
  const paths = ['/status', '/info', '/wandb_info', '/latest_example'];
  const everything = async () => [
    await statusOf(short),
    await statusOf(long),
    ...(await Promise.all(paths.map(async (each) => (await server.gateway.ask(each)).body))),
  ];
  const before = await everything();
  await server.crash();
  expect(await everything()).toEqual(before);
  expect(await statusOf(long)).toMatchObject({ env_weight: 0.75, self_queue_size: 1 });
  const next = await server.gateway.ask('/register-env', {
    body: { ...environment, desired_name: 'gsm 8k' },
  });
  expect(next.body).toMatchObject({
    ...{ status: 'success', env_id: gone + 1, wandb_name: 'gsm 8k_2' },
    ...{ starting_step: 40, checkpoint_dir: 'here' },
  });
});

test('batches that were being written when the server died are the first that are handed out again', async () => {
  await using server = new Server();
  const quiet = { quietMs: 60_000 };
  await server.start(quiet);
  await server.gateway.begin(2);
  for (const mark of [1, 2, 3, 4]) await server.gateway.push(group(2, mark));
  const marks = async (): Promise<(number | undefined)[]> => {
    const answers = [];
    for (let i = 0; i < 3; i++) answers.push(await server.gateway.ask('/batch'));
    return answers.map(({ body }) => body.batch?.[0].tokens[0][0]);
  };
  // Their answers are on the way: three connections are open and nobody has read.
  const sockets = [1, 2, 3].map(() => {
    const socket = net.connect(server.gateway.gateway.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write('GET /batch HTTP/1.1\r\nhost: localhost\r\n\r\n');
    return socket;
  });
  const leased = async () => (await server.gateway.broker.status('atropos')).leasedBatches;
  await expect.poll(leased, { timeout: 20_000 }).toBe(3);
  await server.crash(quiet);
  for (const socket of sockets) socket.destroy();
  expect(await marks()).toEqual([1, 2, 3]);
});

test('a body that was stored before a crash is stored once when it comes again, and is new after that', async () => {
  await using server = new Server();
  await server.start();
  await server.gateway.begin(2);
  await server.gateway.push(group(2, 1));
  await server.crash();
  const queue = async () => (await server.gateway.ask('/status')).body.queue_size;
  expect((await server.gateway.push(group(2, 1))).body).toEqual({ status: 'received' });
  expect(await queue()).toBe(1);
  await server.gateway.push(group(2, 1));
  await server.gateway.push(group(2, 1));
  expect(await queue()).toBe(3);
});
