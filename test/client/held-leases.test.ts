import { Code, ConnectError } from '@connectrpc/connect';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { HeldLeases } from '../../src/client/held-leases.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

test('a held lease is extended three times in it, and no more once it is given back', async () => {
  const extend = vi.fn(async (_batchId: string, _delivery: number, _signal: AbortSignal) => {});
  using leases = new HeldLeases({ leaseMs: 3_000, extend });
  leases.hold('a', 1);
  leases.hold('b', 1);
  await vi.advanceTimersByTimeAsync(1_000);
  leases.release('a', 1);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(extend.mock.calls.map(([batchId]) => batchId)).toEqual(['a', 'b', 'b', 'b']);
});

test('a server that is away for a moment costs no lease; one that is gone is not asked for again', async () => {
  const answers = [Code.Unavailable, Code.DeadlineExceeded, Code.Aborted];
  const extend = vi.fn(async () => {
    const code = answers.shift();
    if (code !== undefined) throw new ConnectError('no', code);
  });
  using leases = new HeldLeases({ leaseMs: 3_000, extend });
  leases.hold('a', 1);
  await vi.advanceTimersByTimeAsync(9_000);
  expect(extend).toHaveBeenCalledTimes(3);
});

test('nothing is left running once it is disposed of, nor with leases that nobody keeps', () => {
  const extend = vi.fn(async () => {});
  new HeldLeases({ leaseMs: Infinity, extend }).hold('a', 1);
  const leases = new HeldLeases({ leaseMs: 3_000, extend });
  leases.hold('a', 1);
  leases[Symbol.dispose]();
  expect(vi.getTimerCount()).toBe(0);
});

test('a batch that was handed out again is held as its later delivery, whatever becomes of the one before', async () => {
  const extend = vi.fn(async (_batchId: string, _delivery: number, _signal: AbortSignal) => {});
  using leases = new HeldLeases({ leaseMs: 3_000, extend });
  leases.hold('a', 1);
  leases.hold('a', 2);
  leases.release('a', 1);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(extend.mock.calls.map(([batchId, delivery]) => [batchId, delivery])).toEqual([['a', 2]]);
});
