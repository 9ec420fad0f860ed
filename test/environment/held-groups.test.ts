import { describe, expect, it } from 'vitest';
import { HeldGroups } from '../../src/environment/tasks/held-groups.ts';

function counted(maxBytes: number, fail: (group: number) => boolean = () => false) {
  const reads: number[] = [];
  const held = new HeldGroups({
    read: async (group) => {
      reads.push(group);
      if (fail(group)) throw new Error('broken');
      return group * 10;
    },
    bytesOf: () => 10,
    maxBytes,
  });
  return { held, reads };
}

describe('HeldGroups', () => {
  it('reads a group once while it is held, also for two at once', async () => {
    const { held, reads } = counted(100);
    expect(await Promise.all([held.get(1), held.get(1)])).toEqual([10, 10]);
    expect(reads).toEqual([1]);
  });

  it('lets go of the longest unused', async () => {
    const { held, reads } = counted(20);
    for (const group of [1, 2, 1, 3, 1, 2]) await held.get(group);
    expect(reads).toEqual([1, 2, 3, 2]);
  });

  it('reads one that is larger than all it may hold', async () => {
    const { held, reads } = counted(5);
    for (const group of [1, 1, 2, 1]) expect(await held.get(group)).toBe(group * 10);
    expect(reads).toEqual([1, 2, 1]);
  });

  it('does not keep a failure', async () => {
    const { held, reads } = counted(100, () => reads.length === 1);
    await expect(held.get(1)).rejects.toThrow('broken');
    expect(await held.get(1)).toBe(10);
  });
});
