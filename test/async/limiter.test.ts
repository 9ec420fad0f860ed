import { expect, it } from 'vitest';
import { Limiter } from '../../src/async/index.ts';

const { signal } = new AbortController();

it('hands a place on in the order of asking, and tells when nobody wants it', async () => {
  let told = 0;
  const limiter = new Limiter(1, () => {
    told += 1;
  });
  const order: string[] = [];
  const first = await limiter.acquire(signal);
  const rest = ['second', 'third'].map(async (name) => {
    using _place = await limiter.acquire(signal);
    order.push(name);
  });
  expect(limiter.free).toBe(0);
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  await Promise.all(rest);
  expect(order).toEqual(['second', 'third']);
  expect([limiter.free, told]).toEqual([1, 1]);
});

it("leaves the line with the signal's reason, and holds no place then", async () => {
  const limiter = new Limiter(1);
  const place = await limiter.acquire(signal);
  const leaving = new AbortController();
  const waiting = limiter.acquire(leaving.signal);
  leaving.abort('left');
  await expect(waiting).rejects.toBe('left');
  place[Symbol.dispose]();
  expect(limiter.free).toBe(1);
});
