import { expect, it, vi } from 'vitest';
import { untilAborted } from '../../src/async/index.ts';
import { manualClock } from '../support/manual-clock.ts';

it('settles as the work does', async () => {
  const { signal } = new AbortController();
  expect(await untilAborted(Promise.resolve(1), { signal })).toBe(1);
  await expect(untilAborted(Promise.reject(new Error('no')), { signal })).rejects.toThrow('no');
});

it('gives work up with the very reason of the signal, also of one that fired before', async () => {
  const never = new Promise<never>(() => {});
  const controller = new AbortController();
  const reason = new Error('enough');
  const waiting = untilAborted(never, { signal: controller.signal });
  controller.abort(reason);
  await expect(waiting).rejects.toBe(reason);
  await expect(untilAborted(never, controller)).rejects.toBe(reason);
});

it('waits out the grace, and no timer is left behind', async () => {
  const clock = manualClock();
  const controller = new AbortController();
  const options = { graceMs: 100, clock, signal: controller.signal };
  const heeds = Promise.withResolvers<string>();
  const inTime = untilAborted(heeds.promise, options);
  const tooLate = untilAborted(new Promise<never>(() => {}), options);
  const failed = tooLate.catch(() => 'given up');
  controller.abort(new Error('enough'));
  heeds.resolve('ended by itself');
  expect(await inTime).toBe('ended by itself');
  await clock.advance(100);
  expect(await failed).toBe('given up');
  expect(clock.pending).toBe(0);
});

it('hands over what comes late, and drops a late failure', async () => {
  const onLate = vi.fn();
  const controller = new AbortController();
  const [late, broken] = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
  const waits = [late, broken].map(({ promise }) =>
    untilAborted(promise, { onLate, signal: controller.signal }).catch(() => {}),
  );
  controller.abort();
  await Promise.all(waits);
  late.resolve('a sandbox');
  broken.reject(new Error('of no interest'));
  await vi.waitFor(() => expect(onLate.mock.calls).toEqual([['a sandbox']]));
});
