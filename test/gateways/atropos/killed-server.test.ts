import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { KillableServer } from './killable-server.ts';
import { type Answered, ask, group, type Sent, trainer } from './support.ts';

const KILLS = 4;
const BATCH = 6;

/** Asks until it is answered with 200, in the same words each time. */
async function insist(server: KillableServer, path: string, sent: Sent = {}): Promise<Answered> {
  for (;;) {
    const answer = await ask(server.address, path, sent).catch(() => undefined);
    if (answer?.status === 200) return answer;
    await pause(20);
  }
}

test('a server that is killed again and again loses no group, and gives none twice', async () => {
  await using server = await KillableServer.start();
  let pushed = 0;
  let isOver = false;
  const push = async (): Promise<void> => {
    const size = 1 + (pushed % 3);
    pushed += 1;
    await insist(server, '/scored_data', { body: group(size, pushed) });
  };
  const pusher = async (): Promise<void> => {
    while (!isOver) await push();
  };
  const batchOf = new Map<number, string>();
  const take = async (): Promise<boolean> => {
    const { batch } = (await insist(server, '/batch')).body;
    if (batch === null) return false;
    const whole = JSON.stringify(batch);
    let sequences = 0;
    for (const { tokens } of batch) {
      const mark = tokens[0][0];
      sequences += tokens.length;
      // One that died before it knew that its answer was read hands it out again, the same.
      expect(batchOf.get(mark) ?? whole).toBe(whole);
      batchOf.set(mark, whole);
    }
    expect(sequences).toBe(BATCH);
    return true;
  };
  const trainerLoop = async (): Promise<void> => {
    while (!isOver) if (!(await take())) await pause(10);
  };
  await push();
  await insist(server, '/register', { body: { ...trainer, batch_size: BATCH } });
  const loops = [pusher(), pusher(), pusher(), trainerLoop()];
  for (let i = 0; i < KILLS; i++) {
    const before = batchOf.size;
    await expect.poll(() => batchOf.size, { timeout: 30_000 }).toBeGreaterThan(before + 12);
    await pause(i * 7);
    await server.kill();
    await server.start();
  }
  isOver = true;
  await Promise.all(loops);
  while (await take());
  const { queue_size } = (await insist(server, '/status')).body;
  expect(batchOf.size + queue_size).toBe(pushed);
}, 120_000);
