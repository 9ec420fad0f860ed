import * as net from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { group, startTestGateway, type TestGateway } from './support.ts';

const BATCH = 6;

type Step =
  | { readonly kind: 'push'; readonly sizes: readonly number[] }
  | { readonly kind: 'take' }
  | { readonly kind: 'take and die' }
  | { readonly kind: 'ask and die' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('push' as const),
      sizes: fc.array(fc.integer({ min: 1, max: BATCH }), { minLength: 1, maxLength: 3 }),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ kind: 'take' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'take and die' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'ask and die' as const }) },
);

/** A trainer that is killed: before its answer, or with the answer unread. */
async function die(server: TestGateway, options: { readonly afterAnswer: boolean }): Promise<void> {
  const socket = net.connect(server.gateway.port, '127.0.0.1');
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', () => {});
  const answered = new Promise<void>((resolve) => socket.once('readable', () => resolve()));
  socket.write('GET /batch HTTP/1.1\r\nhost: localhost\r\n\r\n');
  if (options.afterAnswer) await answered;
  socket.resetAndDestroy();
  await closed;
}

test('whatever trainers die, each accepted group is in exactly one batch that was read, as it was pushed', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
      await using server = await startTestGateway({ limits: { quietMs: 30_000 } });
      await server.begin(BATCH);
      const pushed = new Map<number, object>();
      const read: { readonly mark: number; readonly tokens: unknown; readonly scores: unknown }[] =
        [];
      const take = async (): Promise<boolean> => {
        const { batch } = (await server.ask('/batch')).body;
        if (batch === null) return false;
        let sequences = 0;
        for (const { tokens, scores } of batch) {
          sequences += tokens.length;
          read.push({ mark: tokens[0][0], tokens, scores });
        }
        expect(sequences).toBe(BATCH);
        return true;
      };
      for (const each of steps) {
        if (each.kind === 'push') {
          const groups = each.sizes.map((size) => {
            const one = group(size, pushed.size + 1);
            pushed.set(pushed.size + 1, one);
            return one;
          });
          expect((await server.ask('/scored_data_list', { body: groups })).status).toBe(200);
        } else if (each.kind === 'take') await take();
        else await die(server, { afterAnswer: each.kind === 'take and die' });
      }
      // What died gives its batches back when the server has heard of it.
      const rest = async (): Promise<number> => {
        while (await take());
        return read.length + (await server.broker.status('atropos')).waitingGroups;
      };
      await expect.poll(rest, { timeout: 20_000 }).toBe(pushed.size);
      expect(new Set(read.map(({ mark }) => mark)).size).toBe(read.length);
      for (const { mark, tokens, scores } of read) {
        expect(pushed.get(mark)).toMatchObject({ tokens, scores });
      }
    }),
    { numRuns: 40 },
  );
}, 60_000);
