import { expect, test } from 'vitest';
import { WorkerRegistry } from '../../src/server/worker-registry.ts';

const worker = (id: string, environments = ['env']) => ({ id, environments, capacity: 1 });

test('a worker is there while it is heard of within its lease, and has to register again after', () => {
  const workers = new WorkerRegistry({ leaseMs: 100 });
  workers.register(worker('a'), 0);
  expect(workers.keep('a', 99)).toMatchObject({ id: 'a', expiresMs: 199 });
  expect([...workers.environments(198)]).toEqual(['env']);
  expect(() => workers.keep('a', 199)).toThrow(/register it again/);
  expect([...workers.environments(199)]).toEqual([]);
  workers.register(worker('a', ['other']), 200);
  expect(workers.keep('a', 201).environments).toEqual(['other']);
});

test('so many may register and no more, until one is gone', () => {
  const workers = new WorkerRegistry({ leaseMs: 100, maxWorkers: 1 });
  workers.register(worker('a'), 0);
  workers.register(worker('a'), 50);
  expect(() => workers.register(worker('b'), 60)).toThrow(/1 workers are registered/);
  workers.register(worker('b'), 150);
  expect(() => workers.keep('a', 151)).toThrow();
});
