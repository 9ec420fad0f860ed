import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { closer } from '../../src/environment/closer.ts';
import {
  defineEnvironment,
  type EnvironmentDefinition,
  hostEnvironment,
} from '../../src/environment/index.ts';

/** An environment that counts how often it was closed, and with which settings. */
function closing(parts: Partial<EnvironmentDefinition> = {}) {
  const closed: unknown[] = [];
  const definition = defineEnvironment({
    name: 'closing',
    settings: z.object({ size: z.number().default(1) }),
    tasks: [{ data: 1 }],
    prompt: () => 'x',
    reward: () => 1,
    close: ({ settings }) => {
      closed.push(settings);
    },
    ...parts,
  });
  return { definition, closed };
}

describe('the close of an environment', () => {
  it('is called with the settings, once for each time it was hosted', async () => {
    const { definition, closed } = closing();
    const [small, large] = [
      await hostEnvironment(definition),
      await hostEnvironment(definition, { size: 2 }),
    ];
    await Promise.all([small[Symbol.asyncDispose](), small[Symbol.asyncDispose]()]);
    expect(closed).toEqual([{ size: 1 }]);
    await large[Symbol.asyncDispose]();
    await small[Symbol.asyncDispose]();
    expect(closed).toEqual([{ size: 1 }, { size: 2 }]);
  });

  it('is shared by copies with another definition, as servers make them', async () => {
    const { definition, closed } = closing();
    {
      await using hosted = await hostEnvironment(definition);
      const { groupReward: _, ...alone } = definition;
      await using _copy = { ...hosted, definition: alone };
    }
    expect(closed).toHaveLength(1);
  });

  it('is not called for what could not be hosted', async () => {
    for (const [parts, settings] of [
      [{}, { size: 'no' }],
      [
        {
          tasks: () => {
            throw new Error('no tasks');
          },
        },
        {},
      ],
    ] as const) {
      const { definition, closed } = closing(parts);
      await expect(hostEnvironment(definition, settings)).rejects.toThrow();
      expect(closed).toEqual([]);
    }
  });

  it('that throws is the fault of the environment, told at every asking', async () => {
    let calls = 0;
    const { definition } = closing({
      close: () => {
        calls += 1;
        throw new Error('the pool is gone');
      },
    });
    const hosted = await hostEnvironment(definition);
    for (const _ of [1, 2]) {
      await expect(hosted[Symbol.asyncDispose]()).rejects.toMatchObject({
        kind: 'environment_error',
        reason: 'CLOSE_THREW',
        message: 'The close of environment `closing` threw: the pool is gone',
      });
    }
    expect(calls).toBe(1);
  });

  it('is not waited for beyond its time', async () => {
    const { definition } = closing({ close: () => new Promise(() => {}) });
    await expect(closer(definition, {}, { timeoutMs: 5 })()).rejects.toMatchObject({
      reason: 'CLOSE_TIMEOUT',
      message: 'The close of environment `closing` had not ended after 0.005 s.',
    });
  });

  it('may be left out, and is a function otherwise', async () => {
    const { close: _, ...without } = closing().definition;
    await using hosted = await hostEnvironment(without);
    expect(hosted.name).toBe('closing');
    expect(() => closing({ close: 3 as never })).toThrow(
      'environment `closing`.close: must be a function, or be left out.',
    );
  });
});
