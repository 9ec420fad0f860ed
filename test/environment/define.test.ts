import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import {
  defineEnvironment,
  type EnvironmentDefinition,
  generated,
  hostEnvironment,
} from '../../src/environment/index.ts';

const valid: EnvironmentDefinition = {
  name: 'valid',
  tasks: [{ data: 1 }],
  prompt: () => 'x',
  reward: () => 0,
};

describe('defineEnvironment', () => {
  it('lets the types of data, state and settings flow', () => {
    defineEnvironment({
      name: 'typed',
      settings: z.object({ level: z.number().default(1) }),
      tasks: (settings) => {
        expectTypeOf(settings).toEqualTypeOf<{ level: number }>();
        return generated((index) => ({ a: index, b: 'x' }));
      },
      setup: (task, { settings }) => {
        expectTypeOf(task.data).toEqualTypeOf<{ a: number; b: string }>();
        expectTypeOf(settings.level).toEqualTypeOf<number>();
        return { secret: 'x' };
      },
      prompt: (task, { state }) => {
        expectTypeOf(state).toEqualTypeOf<{ secret: string }>();
        return `${task.data.b}${state.secret}`;
      },
      reward: ({ task, state, settings }) => {
        expectTypeOf(task.data.a).toEqualTypeOf<number>();
        expectTypeOf(state.secret).toEqualTypeOf<string>();
        expectTypeOf(settings.level).toEqualTypeOf<number>();
        return 1;
      },
      teardown: (state) => {
        expectTypeOf(state).toEqualTypeOf<{ secret: string }>();
      },
    });
  });

  it('infers the data of an array of tasks', () => {
    defineEnvironment({
      name: 'array',
      tasks: [
        { data: { question: 'x', answer: 1 } },
        { key: 'k', data: { question: 'y', answer: 2 } },
      ],
      prompt: (task) => task.data.question,
      reward: ({ task, finalText }) => {
        expectTypeOf(task.data).toEqualTypeOf<{ question: string; answer: number }>();
        return Number(finalText) === task.data.answer ? 1 : 0;
      },
    });
  });

  it.each<[string, object, RegExp]>([
    ['a bad name', { name: 'no spaces' }, /environment\.name: is "no spaces"/],
    ['a name of 10,000 letters', { name: 'n'.repeat(10_000) }, /^.{1,300}$/],
    ['a slip', { maxTurn: 3 }, /`valid`\.maxTurn: is nothing that an environment has/],
    ['no prompt', { prompt: undefined }, /environment `valid`\.prompt: must be a function/],
    ['no reward', { reward: 3 }, /\.reward: must be a function/],
    ['no tasks', { tasks: undefined }, /\.tasks: is missing/],
    ['an empty array of tasks', { tasks: [] }, /\.tasks: is empty/],
    ['something else as a tool', { tools: [{}] }, /\.tools\[0\]: is no tool/],
    ['a fraction of a turn', { maxTurns: 1.5 }, /\.maxTurns: is 1\.5/],
    ['a slip in sampling', { sampling: { max_tokens: 5 } }, /\.sampling\.max_tokens: is not known/],
    ['a text as temperature', { sampling: { temperature: '1' } }, /\.sampling\.temperature: is 1;/],
    ['a text as stop texts', { sampling: { stop: 'x' } }, /\.sampling\.stop: must be a list/],
    ['no evaluation', { evaluation: 4 }, /`valid`\.evaluation: must be an object/],
    ['a slip in evaluation', { evaluation: { k: 4 } }, /\.evaluation\.k: is not known.* attempts,/],
    ['a split that is no name', { evaluation: { split: 1 } }, /\.evaluation\.split: must be/],
    ['0 tasks', { evaluation: { maxTasks: 0 } }, /\.evaluation\.maxTasks: is 0;.*for all/],
    ['0 attempts', { evaluation: { attempts: 0 } }, /\.evaluation\.attempts: is 0; .* 1 to 1024/],
    ['2,000 attempts', { evaluation: { attempts: 2_000 } }, /\.evaluation\.attempts: is 2000;/],
    ['no bound of solved', { evaluation: { solvedAt: NaN } }, /\.evaluation\.solvedAt: is NaN/],
    [
      'half a token in evaluation',
      { evaluation: { sampling: { maxTokens: 0.5 } } },
      /\.evaluation\.sampling\.maxTokens: is 0\.5; a whole number of at least 1/,
    ],
    ['no agent', { agent: 3 }, /`valid`\.agent: The settings must be an object\. It may have: /],
    ['a slip in agent', { agent: { maxTurn: 3 } }, /`valid`\.agent\.maxTurn: is no agent setting/],
    [
      'a slip deep in agent',
      { agent: { limits: { maxResultCharacter: 9 } } },
      /`valid`\.agent\.limits\.maxResultCharacter: is no agent setting\. Known are maxResultCh/,
    ],
    ['hooks as a list', { agent: { hooks: [] } }, /`valid`\.agent\.hooks: must be an object/],
    ['a time that is none', { timeoutMs: -1 }, /\.timeoutMs: is -1/],
  ])('refuses %s', (_, part, message) => {
    expect(() => defineEnvironment({ ...valid, ...part } as EnvironmentDefinition)).toThrow(
      message,
    );
  });
});

describe('hostEnvironment', () => {
  it('says that the tasks threw', async () => {
    const tasks = (): never => {
      throw new Error('no luck');
    };
    const hosting = hostEnvironment(defineEnvironment({ ...valid, tasks }));
    await expect(hosting).rejects.toMatchObject({
      kind: 'environment_error',
      reason: 'TASKS_THREW',
    });
  });

  const withSettings = defineEnvironment({
    name: 'set',
    settings: z.object({ size: z.number().int().default(3), deep: z.object({ on: z.boolean() }) }),
    tasks: ({ size }) => Array.from({ length: size }, (_, i) => ({ data: i })),
    prompt: () => 'x',
    reward: () => 0,
  });

  it('validates settings, fills in defaults and says their JSON Schema', async () => {
    const hosted = await hostEnvironment(withSettings, { deep: { on: true } });
    expect(hosted.settingsJson).toEqual({ size: 3, deep: { on: true } });
    expect(hosted.tasks.count).toBe(3);
    expect(hosted.settingsJsonSchema).toMatchObject({ type: 'object' });
  });

  it('names the setting that is wrong', async () => {
    await expect(hostEnvironment(withSettings, { deep: { on: 'yes' } })).rejects.toMatchObject({
      kind: 'invalid_input',
      field: 'settings.deep.on',
    });
  });

  it('refuses settings where there are none', async () => {
    await expect(hostEnvironment(valid, { size: 1 })).rejects.toThrow(
      /settings\.size: is not known: environment `valid` has no settings/,
    );
  });

  it('hosts one definition twice with different settings', async () => {
    const one = await hostEnvironment(
      withSettings,
      { size: 1, deep: { on: true } },
      { name: 'one' },
    );
    const two = await hostEnvironment(
      withSettings,
      { size: 2, deep: { on: true } },
      { name: 'two' },
    );
    expect([one.name, one.tasks.count, two.name, two.tasks.count]).toEqual(['one', 1, 'two', 2]);
  });

  it('refuses two tasks with one key', async () => {
    const twice = {
      ...valid,
      tasks: [
        { key: 'a', data: 1 },
        { key: 'a', data: 2 },
      ],
    };
    await expect(hostEnvironment(twice)).rejects.toThrow(/tasks\[1\]\.key: is `a`/);
  });
});
