import { expect, test } from 'vitest';
import { WaitingRoom } from '../../src/broker/waiting-room.ts';
import { never } from './support/fixture.ts';
import { ManualClock } from './support/manual-clock.ts';

test('who was answered takes nothing more, also when one wake leads to another', async () => {
  const room = new WaitingRoom(new ManualClock(), () => undefined);
  let left = 0;
  const wait = () =>
    room.wait({
      topic: 'things',
      attempt: () => {
        if (left === 0) return undefined;
        left -= 1;
        room.wake('things');
        return 'taken';
      },
      fallback: () => 'none',
      waitMs: undefined,
      signal: never,
    });
  const both = Promise.all([wait(), wait()]);
  left = 5;
  room.wake('things');
  expect(await both).toEqual(['taken', 'taken']);
  expect(left).toBe(3);
});

test('an attempt that throws is the answer of its own waiter alone', async () => {
  const clock = new ManualClock();
  const room = new WaitingRoom(clock, () => undefined);
  let broken = false;
  const request = { topic: 't', fallback: () => 'none', waitMs: 100, signal: never };
  const bad = room.wait<string>({
    ...request,
    attempt: () => {
      if (broken) throw new Error('gone');
      return undefined;
    },
  });
  const good = room.wait<string>({ ...request, attempt: () => undefined });
  broken = true;
  room.wake('t');
  await expect(bad).rejects.toThrow('gone');
  clock.advance(100);
  expect(await good).toBe('none');
  expect(clock.timers).toBe(0);
});
