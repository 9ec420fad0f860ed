import { expect, test } from 'vitest';
import { defineEnvironment, hostEnvironment, playGroup } from '../../src/environment/index.ts';
import { drawToolsets, offeredTools } from '../../src/environment/play/offered-tools.ts';
import type { ModelServer } from '../../src/models/index.ts';
import { tool } from '../../src/tools/index.ts';
import { scriptedSession } from '../support/scripted-session.ts';

const named = (name: string) =>
  tool({ name, description: '', parameters: { type: 'object' }, execute: () => 'ran' });
const definition = {
  name: 'drawn',
  tasks: [{ data: {} }],
  tools: ['a1', 'a2', 'b1', 'always'].map(named),
  prompt: () => 'Go.',
  reward: () => 1,
} as const;
const toolsets = {
  a: { tools: ['a1', 'a2'], chance: 0.5 },
  b: { tools: ['b1'], chance: 0.5 },
};

test('every set is drawn by its own chance, and at least the likeliest', () => {
  const numbers =
    (...given: number[]) =>
    () =>
      given.shift() ?? 0;
  expect(drawToolsets(toolsets, numbers(0.4, 0.4))).toEqual(['a', 'b']);
  expect(drawToolsets(toolsets, numbers(0.6, 0.4))).toEqual(['b']);
  expect(drawToolsets(toolsets, numbers(0.6, 0.6))).toEqual(['a']);
  const lopsided = { a: { tools: ['a1'], chance: 0 }, b: { tools: ['b1'], chance: 0.1 } };
  expect(drawToolsets(lopsided, numbers(0, 0.5))).toEqual(['b']);
});

test('a group draws the same for all its rollouts, and groups differ', async () => {
  await using environment = await hostEnvironment(defineEnvironment({ ...definition, toolsets }));
  const drawn = (groupId: string, rolloutId: string, seed?: number) =>
    [
      ...offeredTools(
        { environment, ...(seed === undefined ? {} : { seed }) },
        { groupId, rolloutId },
      ),
    ].join();
  const groups = new Set<string>();
  for (let i = 0; i < 40; i += 1) {
    groups.add(drawn(`g${i}`, 'r1'));
    expect(drawn(`g${i}`, 'r1')).toBe(drawn(`g${i}`, 'r2'));
    expect(drawn('x', 'r1', i)).toBe(drawn('y', 'r2', i));
  }
  expect([...groups].sort()).toEqual(['a1,a2,always', 'a1,a2,b1,always', 'b1,always']);
});

test('the model is offered what was drawn, and another call is answered by its names', async () => {
  await using environment = await hostEnvironment(
    defineEnvironment({
      ...definition,
      toolsets: { b: { tools: ['b1'], chance: 1 }, a: { tools: ['a1', 'a2'], chance: 0 } },
    }),
  );
  const sessions: ReturnType<typeof scriptedSession>[] = [];
  const modelServer = {
    model: 'scripted',
    openSession: () => {
      const session = scriptedSession([{ calls: [{ name: 'a1', args: {} }] }, { text: 'ok' }]);
      sessions.push(session);
      return session;
    },
  } as unknown as ModelServer;
  const task = { key: '0', split: '', data: {} } as never;
  const group = await playGroup({
    environment,
    modelServer,
    groupId: 'g',
    task,
    groupSize: 3,
    signal: new AbortController().signal,
  });
  expect(group.rollouts.map(({ outcome }) => outcome.kind)).toEqual(['scored', 'scored', 'scored']);
  // What a trainer and an evaluation see of it.
  for (const { metrics } of group.rollouts) {
    expect(metrics).toEqual({ toolset_b: 1, toolset_a: 0 });
  }
  for (const { requests } of sessions) {
    expect(requests[0]?.tools?.map(({ name }) => name)).toEqual(['b1', 'always']);
    expect(JSON.stringify(requests[1]?.messages)).toContain(
      `Unknown tool 'a1'. Available tools: ['always', 'b1']`,
    );
  }
});

test.each([
  [{}, /toolsets: is empty/],
  [{ a: { tools: ['zz'], chance: 1 } }, /toolsets\.a\.tools: names "zz", which is no tool/],
  [{ a: { tools: [], chance: 1 } }, /toolsets\.a\.tools: must be a list/],
  [{ a: { tools: ['a1'], chance: 2 } }, /toolsets\.a\.chance: is 2/],
])('%j is refused', (given, message) => {
  expect(() => defineEnvironment({ ...definition, toolsets: given })).toThrow(message);
});
