import fc from 'fast-check';
import { expect, test } from 'vitest';
import { defineEnvironment, hostEnvironment, playGroup } from '../../src/environment/index.ts';
import {
  createChatmlRenderer,
  createManagedServer,
  createScriptedEngine,
  type ScriptedReply,
} from '../../src/models/index.ts';
import { hermesParser } from '../../src/parsers/index.ts';
import { type ToolHandler, tool } from '../../src/tools/index.ts';
import { never } from '../broker/support/fixture.ts';
import { underFakeTime } from '../support/fake-time.ts';
import { HOSTILE, STOP, spell, tokenizer } from '../support/spelling.ts';

/** A piece of a completion, and whether the call in it may run once it is complete. */
interface Piece {
  readonly kind: 'text' | 'good' | 'unknown' | 'thought' | 'end_think' | 'malformed';
  readonly seed: number;
}

const piece: fc.Arbitrary<Piece> = fc.record({
  kind: fc.constantFrom(
    ...(['text', 'good', 'good', 'good', 'unknown', 'thought', 'end_think', 'malformed'] as const),
  ),
  seed: fc.nat(99),
});

/** How many bytes of a completion make a call whole, and how many make a thought of it. */
interface Window {
  readonly from: number;
  readonly until: number;
}

/** A completion, and when each call of it may run. */
interface Completion {
  readonly text: string;
  /** By the call's own number. */
  readonly windows: ReadonlyMap<number, Window>;
}

const call = (name: string, n: number): string =>
  `<tool_call>\n{"name": "${name}", "arguments": {"n": ${n}, "s": "</tool_call>{é}"}}`;
const trailed = (n: number): string =>
  `<tool_call>\n{"name": "spy", "arguments": {"n": ${n}}} hello </tool_call>`;
const WORDS = ['hello', '', '\n', ' é ', '"}}', '{"name": "spy"}'];
const MALFORMED: readonly ((n: number) => string)[] = [
  (n) => `<tool_call>\n{"name": "spy", "arguments": {"n": ${n}}, }\n</tool_call>`,
  (n) => `<tool_call>\n{"arguments": {"n": ${n}}}\n</tool_call>`,
  trailed,
  (n) => `<tool_call>spy {"n": ${n}}</tool_call>`,
  (n) => `<tool_call>\n{"name": "spy", "arguments": "{\\"n\\": ${n}"}\n</tool_call>`,
];
const TRAILED = MALFORMED.indexOf(trailed);

function completionOf(pieces: readonly Piece[]): Completion {
  const windows = new Map<number, Window>();
  let text = '';
  for (const [n, { kind, seed }] of pieces.entries()) {
    switch (kind) {
      case 'text':
        text += WORDS[seed % WORDS.length]!;
        break;
      case 'good':
        text += call('spy', n);
        windows.set(n, { from: Buffer.byteLength(text), until: Infinity });
        text += '\n</tool_call>';
        break;
      case 'unknown':
        text += `${call(seed % 2 === 0 ? 'spi' : 'toString', n)}\n</tool_call>`;
        break;
      case 'thought':
        text += `<think>${call('spy', n)}\n</tool_call></think>`;
        break;
      case 'end_think':
        // Of a block that the prompt opened: all that stands before it was thought.
        text += '</think>';
        for (const [earlier, { from, until }] of windows) {
          windows.set(earlier, { from, until: Math.min(until, Buffer.byteLength(text)) });
        }
        break;
      case 'malformed':
        if (seed % MALFORMED.length === TRAILED) {
          // Cut off right behind its object it is a call like any other.
          const object = text + trailed(n).split(' hello')[0];
          windows.set(n, { from: Buffer.byteLength(object), until: Buffer.byteLength(object) + 2 });
        }
        text += MALFORMED[seed % MALFORMED.length]!(n);
        break;
    }
  }
  return { text, windows };
}

type CutKind = 'stop' | 'length' | 'abort' | 'lost' | 'max_tokens';

interface Cut {
  readonly kind: CutKind;
  readonly at: number;
}

/** Plays one rollout per cut of a completion, and tells which calls each of them ran. */
async function runsOfCuts(
  ids: readonly number[],
  cuts: readonly Cut[],
  injected: boolean,
): Promise<Set<number>[]> {
  return underFakeTime(async () => {
    const ran = cuts.map(() => new Set<number>());
    const note = (rolloutId: string, args: { readonly n?: unknown }): string => {
      ran[Number(rolloutId.split('.')[1])]!.add(Number(args.n));
      return HOSTILE[3]!;
    };
    const engine = createScriptedEngine({
      description: { vocabularySize: tokenizer.vocabularySize },
      replies: ({ requestId }): ScriptedReply => {
        const [, rollout, callIndex] = /\.(\d+)\/(\d+)$/.exec(requestId)!;
        if (callIndex !== '0') return { tokenIds: [...tokenizer.encode('done'), STOP] };
        const { kind, at } = cuts[Number(rollout)]!;
        const tokenIds = ids.slice(0, at);
        switch (kind) {
          case 'stop':
            return { tokenIds };
          case 'length':
          case 'abort':
            return { tokenIds, finish: kind };
          case 'max_tokens':
            return { tokenIds: ids, finish: 'stop' };
          case 'lost':
            return { tokenIds, after: new Promise(() => {}), sampledBeforeAbort: at };
        }
      },
    });
    const modelServer = createManagedServer({
      engine,
      renderer: createChatmlRenderer({ tokenizer }),
      parser: hermesParser,
      timeoutMs: 1_000,
    });
    const spy = tool({
      name: 'spy',
      description: 'notes that it ran',
      parameters: { type: 'object', properties: { n: { type: 'integer' } } },
      execute: (args, { rolloutId }) => note(rolloutId, args),
    });
    const toolHandler: ToolHandler = async ({ name, arguments: args }, { rolloutId }) => {
      expect(name).toBe('spy');
      return note(rolloutId, args);
    };
    const environment = await hostEnvironment(
      defineEnvironment({
        name: 'cut-off',
        tasks: [{ data: null }],
        tools: [spy],
        prompt: () => 'hello',
        reward: () => 1,
        maxTurns: 2,
      }),
    );
    await playGroup({
      environment,
      modelServer: limited(modelServer, cuts),
      ...(injected && { toolHandler }),
      groupId: 'g',
      groupSize: cuts.length,
      task: { key: '0', split: '', data: null },
      signal: never,
    });
    return ran;
  });
}

/** Gives the rollouts that are to be cut by the request itself their own `maxTokens`. */
function limited(
  inner: ReturnType<typeof createManagedServer>,
  cuts: readonly Cut[],
): ReturnType<typeof createManagedServer> {
  return {
    ...inner,
    model: 'scripted',
    openSession(options) {
      const session = inner.openSession(options);
      const { kind, at } = cuts[Number(options.rolloutId.split('.')[1])]!;
      return {
        record: () => session.record(),
        complete: (request, call) =>
          session.complete(
            kind === 'max_tokens' && at > 0
              ? { ...request, sampling: { ...request.sampling, maxTokens: at } }
              : request,
            call,
          ),
      };
    },
  };
}

test('of a completion cut off anywhere, only calls that were whole run', async () => {
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(piece, { minLength: 1, maxLength: 4 }),
      fc.nat(),
      fc.boolean(),
      fc.constantFrom<CutKind>('length', 'abort', 'lost', 'max_tokens'),
      async (pieces, spelling, injected, otherKind) => {
        const { text, windows } = completionOf(pieces);
        const ids = spell(text, spelling);
        const places = Array.from({ length: ids.length + 1 }, (_, at) => at);
        const stops = places.map((at): Cut => ({ kind: 'stop', at }));
        for (const [at, ran] of (await runsOfCuts(ids, stops, injected)).entries()) {
          const bytes = tokenizer.decodeBytes(ids.slice(0, at)).length;
          for (const n of ran) {
            const { from, until } = windows.get(n) ?? { from: Infinity, until: 0 };
            expect(bytes).toBeGreaterThanOrEqual(from);
            expect(bytes).toBeLessThan(until);
            runs += 1;
          }
        }
        // A completion that says it was cut off runs nothing, wherever the cut is.
        const cuts = places
          .filter((at) => otherKind !== 'max_tokens' || (at > 0 && at < ids.length))
          .map((at): Cut => ({ kind: otherKind, at }));
        if (cuts.length === 0) return;
        for (const ran of await runsOfCuts(ids, cuts, injected)) expect([...ran]).toEqual([]);
      },
    ),
    { numRuns: 25 },
  );
  expect(runs).toBeGreaterThan(20);
});

test('a whole completion runs all of its good calls and nothing else', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        piece.filter(({ kind }) => kind !== 'malformed'),
        { maxLength: 6 },
      ),
      fc.nat(),
      fc.boolean(),
      async (pieces, spelling, injected) => {
        const { text, windows } = completionOf(pieces);
        const ids = [...spell(text, spelling), STOP];
        const [ran] = await runsOfCuts(ids, [{ kind: 'stop', at: ids.length }], injected);
        const whole = [...windows].flatMap(([n, { until }]) => (until === Infinity ? [n] : []));
        expect([...ran!].toSorted()).toEqual(whole.toSorted());
      },
    ),
    { numRuns: 100 },
  );
});
