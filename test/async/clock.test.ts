import { afterEach, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/async/index.ts';

afterEach(() => vi.restoreAllMocks());

it('takes a limit of "never" for a long time, not for none', () => {
  const setTimer = vi.spyOn(globalThis, 'setTimeout');
  systemClock.schedule(Number.POSITIVE_INFINITY, () => {})();
  systemClock.schedule(10, () => {})();
  expect(setTimer.mock.calls.map(([, delayMs]) => delayMs)).toEqual([2 ** 31 - 1, 10]);
});
