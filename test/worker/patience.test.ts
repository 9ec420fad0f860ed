import { expect, test } from 'vitest';
import { Patience } from '../../src/worker/patience.ts';

test('one failure is chance, more in a row are waited out longer and longer, and success ends it', () => {
  const patience = new Patience();
  const pauses: number[] = [];
  for (let failures = 0; failures < 9; failures += 1) {
    patience.failed();
    pauses.push(patience.pauseMs);
  }
  expect(pauses).toEqual([0, 250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
  patience.worked();
  expect(patience.pauseMs).toBe(0);
});
