import fc from 'fast-check';
import { LachesisError } from '../../src/errors.ts';
import type { AssistantMessage, Message } from '../../src/messages.ts';
import { createManagedServer, createScriptedEngine } from '../../src/models/index.ts';
import { END, say, spiedRenderer, tokenizer } from '../models/chatml.ts';

/** What a harness may do next in one of its conversations. */
export type Step = {
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

export const step: fc.Arbitrary<Step> = fc.record({
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
export async function playGraph(steps: readonly Step[], declared: boolean) {
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
