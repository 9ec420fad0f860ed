import { expect, test } from 'vitest';
import type { Clock } from '../../../src/async/index.ts';
import { createSandboxPool } from '../../../src/sandbox/index.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { FakeBackend } from '../support/fake-backend.ts';
import { watch } from '../support/fake-pool.ts';

test('a pause that ends while the pool plans wakes it all the same', async () => {
  const time = manualClock();
  let lateMs = 0;
  let readings: number | undefined;
  /** From when `readings` is 0, its second reading on is 2 ms after the first. */
  const clock: Clock = {
    schedule: time.schedule,
    now() {
      if (readings !== undefined && ++readings === 2) lateMs += 2;
      return time.now() + lateMs;
    },
  };
  let isBroken = true;
  const backend = new FakeBackend({ clock: time, outcome: () => (isBroken ? 'fails' : 'ok') });
  const pool = createSandboxPool({ backend, clock, random: () => 0, maxTotal: 1 });
  const waiting = watch(pool.acquire({}, { owner: 'one' }));
  // It failed at 0, and is tried again after 250 ms.
  await time.advance(249);
  isBroken = false;
  expect(backend.asked).toHaveLength(1);
  // Planned at 249, when none may be made; it is 251 before that is done.
  readings = 0;
  pool.keepWarm({}, 0);
  expect(clock.now()).toBe(251);
  expect(backend.asked).toHaveLength(1);
  await time.advance(1);
  expect(waiting.value?.id).toBe('fake-2');
  await pool.drain({ graceMs: 0 });
});
