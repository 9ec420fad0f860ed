import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import {
  defineEnvironment,
  type HostedEnvironment,
  hostEnvironment,
  playGroup,
} from '../../src/environment/index.ts';
import { type Message, textOf } from '../../src/messages.ts';
import {
  createChatmlRenderer,
  createManagedServer,
  createScriptedEngine,
  type ScriptedEngine,
} from '../../src/models/index.ts';
import { hermesParser } from '../../src/parsers/index.ts';
import { tool } from '../../src/tools/index.ts';
import { never } from '../broker/support/fixture.ts';
import { episodePlan } from '../support/episode-plans.ts';
import { playEpisode } from '../support/episodes.ts';
import { STOP, spell, tokenizer } from '../support/spelling.ts';

interface State {
  readonly rolloutId: string;
  readonly secret: string;
  readonly notes: string[];
}

interface Seen {
  readonly rolloutId: string;
  readonly state: State;
  readonly arguments: object;
  readonly signal: AbortSignal;
}

/** Each rollout writes to all that it can reach, and answers what it finds there. */
function gossip(seen: Seen[]) {
  return defineEnvironment({
    name: 'gossip',
    settings: z.object({ greeting: z.string().default('none') }),
    tasks: [{ data: { names: ['task'] } }],
    setup: (_task, { rolloutId, settings, random }): State => ({
      rolloutId,
      secret: `${settings.greeting}-${random()}`,
      notes: [],
    }),
    prompt: (_task, { state, settings }) => `${settings.greeting} ${state.rolloutId}`,
    tools: [
      tool<State>({
        name: 'note',
        description: 'writes and reads notes',
        parameters: {
          type: 'object',
          properties: { list: { type: 'array' }, wait: { type: 'integer' } },
        },
        execute: async (args, { rolloutId, state, signal }) => {
          seen.push({ rolloutId, state, arguments: args, signal });
          const { list } = args as { list?: string[] };
          const heard = JSON.stringify([state.secret, state.notes, list, Object.keys(args)]);
          // Everything that a careless tool could spoil, before and after others had their turn.
          for (let turn = 0; turn < Number(args['wait'] ?? 0); turn++) {
            await new Promise(setImmediate);
          }
          state.notes.push(rolloutId);
          list?.push(rolloutId);
          Object.assign(args, { [rolloutId]: true });
          return heard;
        },
      }),
    ],
    isDone: ({ state }) => state.notes.length > 6,
    reward: ({ state }) => state.notes.length,
    maxTurns: 8,
  });
}

/** The very same calls for every rollout, as a model that has learned one answer says them. */
const script = fc.array(
  fc.array(
    fc.record({
      list: fc.array(fc.constantFrom('a', 'b'), { maxLength: 2 }),
      wait: fc.nat({ max: 3 }),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  { minLength: 1, maxLength: 4 },
);

function engineOf(turns: readonly (readonly object[])[]): ScriptedEngine {
  return createScriptedEngine({
    description: { vocabularySize: tokenizer.vocabularySize },
    replies: ({ requestId }) => {
      const calls = turns[Number(requestId.split('/')[1])] ?? [];
      const text = calls.map(
        (args) =>
          `<tool_call>\n{"name": "note", "arguments": ${JSON.stringify(args)}}\n</tool_call>`,
      );
      return { tokenIds: [...spell(text.join('') || 'done', 1), STOP] };
    },
  });
}

function results(messages: readonly Message[]): string[] {
  return messages.filter(({ role }) => role === 'tool').map(textOf);
}

async function playAll(environments: readonly HostedEnvironment[], engine: ScriptedEngine) {
  const modelServer = createManagedServer({
    engine,
    renderer: createChatmlRenderer({ tokenizer }),
    parser: hermesParser,
  });
  const groups = environments.map(async (environment, at) =>
    playGroup({
      environment,
      modelServer,
      groupId: `g${at}`,
      groupSize: 3,
      seed: 11,
      task: (await environment.tasks.get('0'))!,
      signal: never,
    }),
  );
  return Promise.all(groups);
}

test('rollouts and hosted environments that run at once see nothing of each other', async () => {
  await fc.assert(
    fc.asyncProperty(script, async (turns) => {
      const seen: Seen[] = [];
      const definition = gossip(seen);
      const hosts = await Promise.all(
        ['hello', 'world'].map((greeting) => hostEnvironment(definition, { greeting })),
      );
      const together = await playAll(hosts, engineOf(turns));

      // A rollout's own state and arguments, from the first call to the last.
      const owners = new Map<object, string>();
      const own = (thing: object, rolloutId: string): void => {
        expect(owners.get(thing) ?? rolloutId).toBe(rolloutId);
        owners.set(thing, rolloutId);
      };
      for (const { rolloutId, state, arguments: args, signal } of seen) {
        expect(state.rolloutId).toBe(rolloutId);
        for (const thing of [state, state.notes, args, signal]) own(thing, rolloutId);
        expect(new Set(state.notes)).toEqual(new Set([rolloutId]));
      }
      const argumentObjects = seen.map(({ arguments: args }) => args);
      expect(new Set(argumentObjects).size).toBe(argumentObjects.length);
      expect(new Set(seen.map(({ state }) => state)).size).toBe(6);

      // What each of them heard is what it hears when it is alone.
      for (const [at, host] of hosts.entries()) {
        const [alone] = await playAll([host], engineOf(turns));
        const { greeting } = host.settings as { greeting: string };
        for (const [index, rollout] of together[at]!.rollouts.entries()) {
          const heard = results(rollout.result.messages);
          const expected = results(alone!.rollouts[index]!.result.messages);
          expect(heard).toEqual(expected.map((text) => text.replaceAll('g0.', `g${at}.`)));
          expect(textOf(rollout.result.messages[0]!)).toBe(`${greeting} ${rollout.id}`);
          for (const text of heard) expect(text).toContain(`["${greeting}-`);
        }
      }

      // The transcript has the model's own arguments, whatever a tool did to the object it was given.
      for (const { rollouts } of together) {
        for (const { result, id } of rollouts) {
          const calls = result.messages.flatMap((message) =>
            message.role === 'assistant' ? message.toolCalls : [],
          );
          for (const { argumentsText, argumentsJson } of calls) {
            expect(argumentsText).not.toContain(id);
            expect(argumentsJson).not.toContain(id);
          }
        }
      }
    }),
    { numRuns: 60 },
  );
});

test('segments of one rollout are no view of another’s', async () => {
  await fc.assert(
    fc.asyncProperty(episodePlan, async (plan) => {
      const { group } = await playEpisode(plan);
      const owner = new Map<unknown, string>();
      for (const { id, segments, result } of group.rollouts) {
        const objects = [
          result.messages,
          result.turns,
          ...segments.flatMap(({ spans, tokenIds, logprobs }) => [
            spans,
            tokenIds.buffer,
            logprobs?.buffer,
          ]),
        ];
        for (const object of objects) {
          if (object === undefined) continue;
          expect(owner.get(object) ?? id).toBe(id);
          owner.set(object, id);
        }
      }
    }),
    { numRuns: 50 },
  );
});

test('playing writes no environment variable and changes neither directory nor arguments', async () => {
  const before = { env: { ...process.env }, cwd: process.cwd(), argv: [...process.argv] };
  const globals = Object.keys(globalThis);
  await fc.assert(
    fc.asyncProperty(episodePlan, async (plan) => {
      await playEpisode(plan);
    }),
    { numRuns: 20 },
  );
  expect({ env: { ...process.env }, cwd: process.cwd(), argv: [...process.argv] }).toEqual(before);
  expect(Object.keys(globalThis)).toEqual(globals);
});

// Known gap: a task's data is one object for all rollouts that play it, and so are the settings. When
// this passes, take `.fails` away.
test('what a rollout does to its task is not seen by another', async () => {
  const heard: number[] = [];
  const environment = await hostEnvironment(
    defineEnvironment({
      name: 'careless',
      tasks: [{ data: { names: ['task'] } }],
      setup: ({ data }) => {
        heard.push(data.names.length);
        try {
          data.names.push('rollout');
        } catch {
          // Data that can't be written to would do as well.
        }
      },
      prompt: () => 'hello',
      reward: () => 1,
    }),
  );
  await playAll([environment], engineOf([]));
  expect(heard).toEqual([1, 1, 1]);
});
