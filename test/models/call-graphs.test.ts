import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LachesisError } from '../../src/errors.ts';
import type { AssistantMessage, Message } from '../../src/messages.ts';
import { createManagedServer, createScriptedEngine } from '../../src/models/index.ts';
import {
  BUCKETS,
  bucketOf,
  emptyLedger,
  type Ledger,
  ledgerBalance,
  type Segment,
  settle,
  validateSequence,
} from '../../src/tokens/index.ts';
import { END, say, spiedRenderer, tokenizer } from './chatml.ts';

/** What a harness may do next in one of its conversations. */
type Step = {
  readonly conversation: number;
  readonly does:
    | 'go on'
    | 'sample again'
    | 'lose the reply'
    | 'compact'
    | 'alter the last answer'
    | 'strip thinking'
    | 'two at once'
    | 'ask aside';
  readonly length: number;
  readonly thinks: boolean;
};

const step: fc.Arbitrary<Step> = fc.record({
  conversation: fc.nat(2),
  does: fc.constantFrom(
    ...(['go on', 'go on', 'go on', 'go on', 'sample again', 'lose the reply'] as const),
    ...(['compact', 'alter the last answer', 'strip thinking', 'two at once'] as const),
    'ask aside',
  ),
  length: fc.integer({ min: 1, max: 9 }),
  thinks: fc.boolean(),
});
const LOST = new LachesisError('infrastructure_error', 'lost', { reason: 'LOST' });
const { signal } = new AbortController();

/** Plays steps; gives what the session holds and what the engine saw. */
async function play(steps: readonly Step[], declared: boolean) {
  const plan: { length: number; thinks: boolean; lost: boolean }[] = [];
  const engine = createScriptedEngine({
    replies: (_, index) => {
      const { length, thinks, lost } = plan[index]!;
      const thought = thinks
        ? [...tokenizer.encode('<think>t</think>', { allowSpecial: true })]
        : [];
      // A letter of its own for each call, so that no two answers are alike by chance.
      const letter = 'A'.charCodeAt(0) + (index % 26);
      const tokenIds = [...thought, ...Array.from({ length }, () => letter), END];
      return lost ? { tokenIds, error: LOST, sampledBeforeError: tokenIds.length } : { tokenIds };
    },
    endTokenId: END,
    description: { vocabularySize: tokenizer.vocabularySize },
  });
  const { renderer, encoded } = spiedRenderer({ listTools: false });
  const session = createManagedServer({ engine, renderer }).openSession({
    rolloutId: 'r',
    announcedVersion: () => 1,
  });
  const conversations = [0, 1, 2].map((n): Message[] => [
    say('system', `agent ${n}`),
    say('user', 'begin'),
  ]);
  const asides: number[] = [];
  const ask = (n: number, messages: readonly Message[], s: Step, lost = false, purpose = '') => {
    plan.push({ length: s.length, thinks: s.thinks, lost });
    if (purpose !== '') asides.push(plan.length - 1);
    const lineage = { ...(declared && { agent: n === 0 ? '' : `agent ${n}` }), purpose };
    const request = { messages: [...messages], tools: [], sampling: {}, lineage };
    return session.complete(request, { signal }).then(({ message }) => message);
  };
  for (const s of steps) {
    const messages = conversations[s.conversation]!;
    const last = messages.at(-1);
    const answered = last?.role === 'assistant';
    if (answered && s.does === 'sample again') messages.pop();
    else if (answered && s.does === 'alter the last answer') {
      const altered: AssistantMessage = { ...last, content: [{ kind: 'text', text: 'altered' }] };
      messages.splice(-1, 1, altered, say('user', 'on'));
    } else if (answered && s.does === 'strip thinking') {
      const { reasoning: _, ...stripped } = last;
      messages.splice(-1, 1, stripped, say('user', 'on'));
    } else if (s.does === 'compact') messages.splice(1, messages.length, say('user', 'so far'));
    else if (answered) messages.push(say('user', 'on'));
    if (s.does === 'lose the reply') await ask(s.conversation, messages, s, true).catch(() => {});
    if (s.does === 'ask aside') {
      await ask(s.conversation, [say('user', 'name it')], s, false, 'title');
      continue;
    }
    if (s.does === 'two at once') {
      const both = [ask(s.conversation, messages, s), ask(s.conversation, messages, s)];
      const [first] = await Promise.all(both);
      messages.push(first!);
      continue;
    }
    messages.push(await ask(s.conversation, messages, s));
  }
  return { record: session.record(), engine, encoded, asides };
}

function* sampledTokens({ spans }: Pick<Segment, 'spans'>) {
  const offsets = new Map<number, number>();
  for (const { origin, length, callIndex = -1, loss } of spans) {
    if (origin !== 'sampled') continue;
    for (let i = 0; i < length; i++) {
      const offset = offsets.get(callIndex) ?? 0;
      offsets.set(callIndex, offset + 1);
      yield { token: `${callIndex}:${offset}`, loss };
    }
  }
}

/** Token by token: what trains it in any segment puts it into `trained`, else the last that holds it says. */
function recount(segments: readonly Segment[], sampled: number): Ledger {
  const bucket = new Map<string, keyof Ledger>();
  for (const segment of segments) {
    for (const { token, loss } of sampledTokens(segment)) {
      if (bucket.get(token) !== 'trained') bucket.set(token, bucketOf(loss)!);
    }
  }
  const counts: Record<keyof Ledger, number> = { ...emptyLedger(), sampled };
  for (const name of bucket.values()) counts[name] += 1;
  return counts;
}

test('whatever a harness does, each call is held as the engine saw it, and every token is in one bucket', async () => {
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 14 }),
      fc.boolean(),
      fc.constantFrom(0, 0, 30),
      async (steps, declared, maxRowTokens) => {
        const { record, engine, asides } = await play(steps, declared);
        const held = new Set<number>();
        for (const segment of record.segments) {
          validateSequence(segment, segment.id);
          let at = 0;
          for (const { origin, length, callIndex = -1 } of segment.spans) {
            if (origin === 'sampled' && at >= (segment.parent?.sharedTokens ?? 0)) {
              const call = engine.calls[callIndex]!;
              expect([...segment.tokenIds.subarray(0, at)]).toEqual([...call.promptTokenIds]);
              expect([...segment.tokenIds.subarray(at, at + length)]).toEqual([
                ...call.sampledTokenIds,
              ]);
              held.add(callIndex);
            }
            at += length;
          }
        }
        expect(held.size).toBe(engine.calls.length);
        const sampled = engine.calls.reduce((sum, call) => sum + call.sampledTokenIds.length, 0);
        expect(record.calls.reduce((sum, call) => sum + call.sampledTokens, 0)).toBe(sampled);

        for (const policy of ['strict', 'realign', 'fork', 'mask'] as const) {
          const { segments, calls } = record;
          const options = { rolloutId: 'r', calls, policy, maxRowTokens, masked: false };
          const { rows, ledger, ...settled } = settle({
            ...options,
            segments,
            sampledTokens: sampled,
          });
          expect(ledgerBalance(ledger)).toBe(0);
          expect(ledger).toEqual(recount(settled.segments, sampled));
          const trained = rows.flatMap((row) =>
            [...sampledTokens(row)].flatMap(({ token, loss }) =>
              loss === 'trained' ? [token] : [],
            ),
          );
          expect(new Set(trained).size).toBe(trained.length);
          expect(trained.length).toBe(ledger.trained);
          const aside = trained.filter((token) => asides.includes(Number(token.split(':')[0])));
          expect(aside).toEqual([]);
          if (policy === 'fork') expect(ledger.droppedBranch + ledger.realignedDrift).toBe(0);
          if (policy !== 'realign') expect(ledger.realignedDrift).toBe(0);
          if (policy === 'strict' && maxRowTokens === 0) {
            const realigned = settle({
              ...options,
              policy: 'realign',
              segments,
              sampledTokens: sampled,
            });
            expect(realigned.ledger.trained).toBeGreaterThanOrEqual(ledger.trained);
          }
          for (const name of BUCKETS) if (ledger[name] > 0) seen.add(name);
        }
      },
    ),
    { numRuns: 300 },
  );
  expect([...seen].sort()).toEqual(BUCKETS.filter((name) => name !== 'contextOnly').toSorted());
});
