import { expect, test } from 'vitest';
import { WorkerRegistry } from '../../src/server/worker-registry.ts';

const worker = (id: string, environments = ['env'], session = '') => ({
  ...{ id, environments, session, capacity: 1 },
});

test('a worker is there while it is heard of within its lease, and has to register again after', () => {
  const workers = new WorkerRegistry({ leaseMs: 100 });
  workers.register(worker('a'), 0);
  expect(workers.keep(worker('a'), 99)).toMatchObject({ id: 'a', expiresMs: 199 });
  expect([...workers.environments(198)]).toEqual(['env']);
  expect(() => workers.keep(worker('a'), 199)).toThrow(/register it again/);
  expect([...workers.environments(199)]).toEqual([]);
  workers.register(worker('a', ['other']), 200);
  expect(workers.keep(worker('a'), 201).environments).toEqual(['other']);
});

test('so many may register and no more, until one is gone', () => {
  const workers = new WorkerRegistry({ leaseMs: 100, maxWorkers: 1 });
  workers.register(worker('a'), 0);
  workers.register(worker('a'), 50);
  expect(() => workers.register(worker('b'), 60)).toThrow(/1 workers are registered/);
  workers.register(worker('b'), 150);
  expect(() => workers.keep(worker('a'), 151)).toThrow();
});

test('a later start takes the place of an earlier one, which is told so whatever it asks', () => {
  const workers = new WorkerRegistry({ leaseMs: 100 });
  const [first, second] = ['1', '2'].map((session) => worker('a', ['env'], session));
  expect(workers.register(first!, 0)).toBe(false);
  const { replaced } = workers.keep(first!, 1);
  expect(workers.register(first!, 2)).toBe(false);
  expect(replaced.aborted).toBe(false);
  expect(workers.register(second!, 3)).toBe(true);
  const told = expect.objectContaining({ reason: 'WORKER_REPLACED' });
  expect(replaced.reason).toEqual(told);
  expect(() => workers.keep(first!, 4)).toThrow(told);
  expect(() => workers.register(first!, 4)).toThrow(told);
  expect(workers.keep(second!, 5).session).toBe('2');
  // Also when the second has gone meanwhile.
  expect(() => workers.register(first!, 500)).toThrow(told);
  expect(workers.register(second!, 500)).toBe(false);
});

test('one that does not tell its starts apart is whoever has the id', () => {
  const workers = new WorkerRegistry({ leaseMs: 100 });
  workers.register(worker('a', ['env'], '1'), 0);
  expect(workers.keep(worker('a'), 1).session).toBe('1');
  expect(workers.register(worker('a'), 2)).toBe(true);
  expect(workers.register(worker('a'), 3)).toBe(false);
  expect(() => workers.keep(worker('a', ['env'], '1'), 4)).toThrow(/took its place/);
});
