import { describe, expect, test } from 'vitest';
import type { AssistantMessage, Message } from '../../../src/messages.ts';
import { textContent } from '../../../src/messages.ts';
import {
  type CallLineage,
  createManagedServer,
  createScriptedEngine,
  type Engine,
} from '../../../src/models/index.ts';
import { type Ledger, settle } from '../../../src/tokens/index.ts';
import { END, say, spiedRenderer, tokenizer } from '../chatml.ts';

/** A session over an engine that answers with these texts, each when it is let. */
function open(texts: readonly string[], gates: readonly (Promise<unknown> | undefined)[] = []) {
  const engine = createScriptedEngine({
    replies: texts.map((text) => ({ tokenIds: [...tokenizer.encode(text), END] })),
    description: { vocabularySize: tokenizer.vocabularySize },
  });
  let asked = 0;
  const generate: Engine['generate'] = async (...call) => {
    const gate = gates[asked];
    asked += 1;
    const generation = await engine.generate(...call);
    await gate;
    return generation;
  };
  const { renderer } = spiedRenderer({ listTools: false });
  const server = createManagedServer({ engine: { ...engine, generate }, renderer });
  const session = server.openSession({ rolloutId: 'r', announcedVersion: () => 1 });
  return {
    session,
    sent: (call: number) => tokenizer.decode(engine.calls[call]!.promptTokenIds),
    ask: async (
      messages: readonly Message[],
      lineage: CallLineage = {},
      { signal } = new AbortController(),
    ): Promise<AssistantMessage> => {
      const request = { messages, tools: [], sampling: {}, lineage };
      return (await session.complete(request, { signal })).message;
    },
    strict: (): Partial<Ledger> => {
      const { segments, calls, sampledTokens = 0 } = session.record();
      const options = { rolloutId: 'r', segments, calls, sampledTokens, maxRowTokens: 0 };
      const { ledger } = settle({ ...options, policy: 'strict', masked: false });
      return Object.fromEntries(Object.entries(ledger).filter(([, tokens]) => tokens > 0));
    },
  };
}

const copy = (message: AssistantMessage): AssistantMessage => structuredClone(message);
const hi = say('user', 'hi');

describe('a caller that goes on writing in its own list', () => {
  test('while a call is under way is answered for what it asked', async () => {
    const gate = Promise.withResolvers<void>();
    const { session, ask, sent } = open(['aa', 'bb', 'cc'], [undefined, gate.promise]);
    const messages: Message[] = [hi];
    const first = ask(messages);
    const hedge = ask(messages);
    messages.push(await first, say('user', 'x'));
    gate.resolve();
    await hedge;
    await ask(messages);
    expect(sent(2)).toMatch(/hi.*aa.*x/s);
    expect(session.record().calls.map(({ continues }) => continues)).toEqual([-1, -1, 0]);
  });

  test('and edits a message of it is asked with what it says now', async () => {
    const { session, ask, sent } = open(['aa', 'bb']);
    const edited = { role: 'user' as const, content: textContent('old') };
    const messages: Message[] = [edited];
    messages.push(await ask(messages), say('user', 'x'));
    edited.content = textContent('new');
    await ask(messages);
    expect(sent(1)).toContain('new');
    expect(sent(1)).not.toContain('old');
    expect(session.record().segments.map(({ reason }) => reason)).toEqual(['start', 'sub_agent']);
  });
});

describe('of answers that say the same', () => {
  test('one to another question is nobody’s that happens to stand in a prompt', async () => {
    const { ask, strict } = open(['ok', 'nn', 'ok', 'e']);
    await ask([hi]);
    const second = await ask([hi]);
    await ask([hi, second, say('user', 'on')]);
    const example: AssistantMessage = {
      role: 'assistant',
      content: textContent('ok'),
      toolCalls: [],
    };
    await ask([say('user', 'other'), example, say('user', 'like this')]);
    // The first sample was passed over; the last call is the main agent's own aside.
    expect(strict()).toMatchObject({ trained: 6, droppedBranch: 5 });
  });

  test('the one that was received is gone on from, and not the one that came too late', async () => {
    const gate = Promise.withResolvers<void>();
    const { session, ask, strict } = open(['aa', 'aa', 'b'], [gate.promise]);
    const gone = new AbortController();
    const first = ask([hi], {}, gone);
    const second = await ask([hi]);
    gone.abort(new Error('the client timed out'));
    gate.resolve();
    await expect(first).rejects.toThrow('timed out');
    await ask([hi, copy(second), say('user', 'on')]);
    expect(session.record().calls[2]).toMatchObject({ continues: 1 });
    expect(strict()).toMatchObject({ trained: 5, abandonedRetry: 3 });
  });
});

test('a call asked again while the first under its id is dying is made anew', async () => {
  const gate = Promise.withResolvers<void>();
  const { session, ask, strict } = open(['aa', 'bb'], [gate.promise]);
  const gone = new AbortController();
  const first = ask([hi], { callId: 'c' }, gone);
  // Under way, so that its end takes a while.
  await new Promise((resolve) => setImmediate(resolve));
  gone.abort(new Error('the client timed out'));
  const again = ask([hi], { callId: 'c' });
  gate.resolve();
  await expect(first).rejects.toThrow('timed out');
  expect((await again).content).toEqual(textContent('bb'));
  expect(session.record().calls).toHaveLength(2);
  expect(strict()).toEqual({ sampled: 6, trained: 3, abandonedRetry: 3 });
});

test('an id that looks like the place of a call is refused', async () => {
  const { ask } = open(['aa']);
  await expect(ask([hi], { callId: '#1' })).rejects.toMatchObject({ field: 'lineage.callId' });
});
