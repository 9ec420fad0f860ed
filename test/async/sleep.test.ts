import { expect, it } from 'vitest';
import { pause, sleep } from '../../src/async/index.ts';
import { manualClock } from '../support/manual-clock.ts';

it('sleeps as long as it was told', async () => {
  const clock = manualClock();
  let awake = false;
  const { signal } = new AbortController();
  const asleep = sleep(10, { clock, signal }).then(() => {
    awake = true;
  });
  await clock.advance(9);
  expect(awake).toBe(false);
  await clock.advance(1);
  await asleep;
});

it('a fired signal ends a sleep with its reason, and a pause without', async () => {
  const clock = manualClock();
  const controller = new AbortController();
  const { signal } = controller;
  const asleep = sleep(1e9, { clock, signal });
  const pausing = pause(1e9, signal);
  controller.abort('wake up');
  await expect(asleep).rejects.toBe('wake up');
  await expect(sleep(1, { clock, signal })).rejects.toBe('wake up');
  expect(await pausing).toBeUndefined();
  expect(await pause(1e9, signal)).toBeUndefined();
  expect(clock.pending).toBe(0);
});
