import { expect, test } from 'vitest';
import { onAbort } from '../../src/async/index.ts';

test('everybody who follows a signal is told once, and whoever called off is not', () => {
  const controller = new AbortController();
  const told: string[] = [];
  onAbort(controller.signal, () => told.push('first'));
  const callOff = onAbort(controller.signal, () => told.push('called off'));
  onAbort(controller.signal, () => told.push('last'));
  callOff();
  controller.abort();
  controller.abort();
  expect(told).toEqual(['first', 'last']);
});

test('a follower may call off another while the signal fires', () => {
  const controller = new AbortController();
  const told: string[] = [];
  onAbort(controller.signal, () => callOff());
  const callOff = onAbort(controller.signal, () => told.push('second'));
  controller.abort();
  expect(told).toEqual([]);
});

test('ten thousand followers cost one listener', () => {
  const { signal } = new AbortController();
  let listeners = 0;
  const add = signal.addEventListener.bind(signal);
  signal.addEventListener = ((...args: Parameters<typeof add>) => {
    listeners += 1;
    add(...args);
  }) as typeof signal.addEventListener;
  const callOffs = Array.from({ length: 10_000 }, () => onAbort(signal, () => {}));
  for (const callOff of callOffs) callOff();
  expect(listeners).toBe(1);
});
