import { describe, expect, it } from 'vitest';
import { isUniform } from '../../src/broker/index.ts';

describe('isUniform', () => {
  it.each<[(number | undefined)[], boolean]>([
    [[1, 1, 1], true],
    [[0.1 + 0.2, 0.3], true],
    [[1, 0], false],
    [[1, undefined, 1], true],
    [[1], true],
    [[undefined], true],
    [[], true],
    [[1e300, -1e300], false],
    [[1e-300, 2e-300], false],
  ])('%j: %s', (rewards, uniform) => {
    expect(isUniform(rewards)).toBe(uniform);
  });
});
