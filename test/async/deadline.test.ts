import { expect, it } from 'vitest';
import { startDeadline } from '../../src/async/index.ts';
import { manualClock } from '../support/manual-clock.ts';

const reason = () => new Error('too long');

it('fires at the deadline, and says that it was that', async () => {
  const clock = manualClock();
  using deadline = startDeadline({ timeoutMs: 50, reason, clock });
  await clock.advance(49);
  expect(deadline.signal.aborted).toBe(false);
  await clock.advance(1);
  expect(deadline.signal.reason).toEqual(new Error('too long'));
  expect(deadline.expired).toBe(true);
});

it("fires with the outer signal's own reason, and then has not expired", async () => {
  const clock = manualClock();
  const outer = new AbortController();
  using deadline = startDeadline({ timeoutMs: 50, reason, clock, signal: outer.signal });
  outer.abort('left');
  await clock.advance(50);
  expect(deadline.signal.reason).toBe('left');
  expect(deadline.expired).toBe(false);
});

it('sets no timer for Infinity', () => {
  const clock = manualClock();
  using _deadline = startDeadline({ timeoutMs: Infinity, reason, clock });
  expect(clock.pending).toBe(0);
});

it('gives back its timer and its listener when it is disposed of', () => {
  const clock = manualClock();
  const outer = new AbortController();
  const deadline = startDeadline({ timeoutMs: 50, reason, clock, signal: outer.signal });
  const { signal } = deadline;
  expect(clock.pending).toBe(1);
  deadline[Symbol.dispose]();
  expect(clock.pending).toBe(0);
  outer.abort('left');
  expect(signal.aborted).toBe(false);
});

it('gives a signal that has fired to whoever first asks when it is disposed of', () => {
  const deadline = startDeadline({ timeoutMs: 50, reason, clock: manualClock() });
  deadline[Symbol.dispose]();
  expect(deadline.signal.aborted).toBe(true);
  expect(deadline.signal.reason).toMatchObject({ name: 'AbortError' });
  expect(deadline.expired).toBe(false);
});
