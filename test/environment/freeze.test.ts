import { expect, test } from 'vitest';
import { deepFreeze } from '../../src/environment/freeze.ts';

test('plain objects and arrays are frozen at every depth, and what has a class of its own is not', () => {
  const date = new Date(0);
  const bytes = new Uint8Array(2);
  const value = deepFreeze({ list: [{ a: 1 }], date, bytes });
  expect(() => {
    (value.list[0] as { a: number }).a = 2;
  }).toThrow(TypeError);
  expect(() => value.list.push({ a: 3 })).toThrow(TypeError);
  expect(Object.isFrozen(date)).toBe(false);
  bytes[0] = 1;
  expect(deepFreeze(value)).toBe(value);
});

test('a circle ends', () => {
  const circle: { self?: unknown } = {};
  circle.self = circle;
  expect(Object.isFrozen(deepFreeze(circle))).toBe(true);
});
