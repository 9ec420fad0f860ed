import { describe, expect, test } from 'vitest';
import type { Message } from '../../src/messages.ts';
import {
  type CallLineage,
  createManagedServer,
  createScriptedEngine,
  type ScriptedEngineOptions,
} from '../../src/models/index.ts';
import { END, say, spiedRenderer, tokenizer } from './chatml.ts';

const signal = new AbortController().signal;

function start(replies: ScriptedEngineOptions['replies']) {
  const engine = createScriptedEngine({
    replies,
    encode: (text) => tokenizer.encode(text, { allowSpecial: true }),
    endTokenId: END,
    description: { vocabularySize: tokenizer.vocabularySize },
  });
  const { renderer } = spiedRenderer({ listTools: false });
  const session = createManagedServer({ engine, renderer }).openSession({
    rolloutId: 'r',
    announcedVersion: () => 1,
  });
  const ask = (messages: readonly Message[], lineage?: CallLineage, ended = signal) =>
    session.complete(
      { messages, tools: [], sampling: {}, ...(lineage && { lineage }) },
      { signal: ended },
    );
  return { engine, session, ask };
}

describe('a call that says where it stands', () => {
  test('is in the record as it was declared', async () => {
    const { session, ask } = start([{ text: 'x' }, { text: 'y' }]);
    const opening = [say('user', 'a')];
    const { message } = await ask(opening, { callId: 'c1', purpose: 'act' });
    await ask([...opening, message, say('user', 'b')], { parentCallId: 'c1' });
    expect(session.record().calls).toMatchObject([
      { index: 0, callId: 'c1', parentCallId: '', agent: '', purpose: 'act', sampledTokens: 2 },
      { index: 1, callId: '', parentCallId: 'c1', finishReason: 'stop', failed: false },
    ]);
  });

  test('as another agent has conversations of its own', async () => {
    const { session, ask } = start([{ text: 'x' }, { text: 'y' }, { text: 'z' }]);
    const opening = [say('user', 'a')];
    const main = await ask(opening);
    // The very same messages, and yet another agent's.
    await ask(opening, { agent: 'helper' });
    await ask([...opening, main.message, say('user', 'b')]);
    expect(session.record().segments).toMatchObject([
      { id: 's0', agent: '', reason: 'start' },
      { id: 's1', agent: 'helper', reason: 'sub_agent', parent: undefined },
    ]);
  });

  test('of another purpose than to act has tokens that are not for training', async () => {
    const { session, ask } = start([{ text: 'x' }, { text: 'title' }]);
    await ask([say('user', 'a')]);
    await ask([say('user', 'name this')], { purpose: 'title' });
    const [main, title] = session.record().segments;
    expect(main?.spans.at(-1)?.loss).toBe('trained');
    expect(title?.spans.at(-1)?.loss).toBe('not_for_training');
  });

  test('asked again under its id is answered again and not made again', async () => {
    const { engine, session, ask } = start([{ text: 'x' }]);
    const messages = [say('user', 'a')];
    const [first, again] = await Promise.all([
      ask(messages, { callId: 'c' }),
      ask(messages, { callId: 'c' }),
    ]);
    const later = await ask(messages, { callId: 'c' });
    expect(again).toBe(first);
    expect(later).toBe(first);
    expect(engine.calls).toHaveLength(1);
    expect(session.record().segments).toHaveLength(1);
  });

  test('asked again after it failed is made again, and the lost one is in the account', async () => {
    const lost = new Error('connection reset');
    const { engine, session, ask } = start([{ error: lost }, { text: 'x' }]);
    const messages = [say('user', 'a')];
    await expect(ask(messages, { callId: 'c' })).rejects.toThrow('connection reset');
    await ask(messages, { callId: 'c' });
    expect(engine.calls).toHaveLength(2);
    expect(session.record().calls.map(({ failed }) => failed)).toEqual([true, false]);
  });

  test('is shared by whoever asks under its id, each for as long as they like', async () => {
    const { engine, session, ask } = start([
      { text: 'y', after: new Promise(() => {}) },
      { text: 'x' },
    ]);
    const messages = [say('user', 'a')];
    const [one, two] = [new AbortController(), new AbortController()];
    const first = ask(messages, { callId: 'c' }, one.signal);
    const second = ask(messages, { callId: 'c' }, two.signal);
    await engine.arrived(0);
    one.abort(new Error('the first one’s patience'));
    await expect(first).rejects.toThrow('the first one’s patience');
    expect(engine.calls[0]!.state).toBe('waiting');
    // The last one that leaves takes the call with it.
    two.abort(new Error('the second one’s'));
    await expect(second).rejects.toThrow('the second one’s');
    expect(engine.calls[0]!.state).toBe('aborted');
    await expect(ask(messages, { callId: 'c' }, one.signal)).rejects.toThrow('the first one’s');
    await ask(messages, { callId: 'c' });
    expect(session.record().calls.map(({ failed }) => failed)).toEqual([true, false]);
  });

  test('under an id that something else was asked under is refused', async () => {
    const { ask } = start([{ text: 'x' }]);
    await ask([say('user', 'a')], { callId: 'c' });
    await expect(ask([say('user', 'a')], { callId: 'c', agent: 'helper' })).rejects.toMatchObject({
      reason: 'CALL_ID_REUSED',
      field: 'lineage.callId',
    });
  });

  test('under an id that other messages had, or after a parent that is unknown, is refused', async () => {
    const { ask } = start([{ text: 'x' }]);
    await ask([say('user', 'a')], { callId: 'c' });
    await expect(ask([say('user', 'b')], { callId: 'c' })).rejects.toMatchObject({
      reason: 'CALL_ID_REUSED',
    });
    await expect(ask([say('user', 'b')], { parentCallId: 'd' })).rejects.toMatchObject({
      reason: 'UNKNOWN_CALL',
    });
  });

  test('of two samples with one text, the parent says which it goes on from', async () => {
    // One text in two spellings.
    const whole = [...tokenizer.encode('hello'), END];
    const bytes = [...new TextEncoder().encode('hello'), END];
    expect(whole).not.toEqual(bytes);
    const { session, ask } = start([{ tokenIds: whole }, { tokenIds: bytes }, { text: 'x' }]);
    const opening = [say('user', 'a')];
    const first = await ask(opening, { callId: 'first' });
    await ask(opening, { callId: 'second' });
    const copy = { ...first.message };
    await ask([...opening, copy, say('user', 'b')], { parentCallId: 'first' });
    const [one, two] = session.record().segments;
    expect(one!.tokenIds.length).toBeGreaterThan(two!.tokenIds.length);
  });
});

describe('a call that another agent’s call set off', () => {
  test('begins a conversation of its own, though one of its name has the very same prompt', async () => {
    const { session, ask } = start([{ text: 'x' }, { text: 'y' }, { text: 'z' }, { text: 'w' }]);
    const parentCallId = (await ask([say('user', 'a')])).callId!;
    const opening = [say('user', 'look it up')];
    const first = await ask(opening, { agent: 'helper', parentCallId });
    await ask(opening, { agent: 'helper', parentCallId });
    const next = [...opening, first.message, say('user', 'and?')];
    await ask(next, { agent: 'helper', parentCallId: first.callId! });
    const { calls, segments } = session.record();
    expect(segments).toMatchObject([
      { id: 's0', reason: 'start' },
      { id: 's1', reason: 'sub_agent', parent: undefined },
      { id: 's2', reason: 'sub_agent', parent: undefined },
    ]);
    expect(segments[1]!.tokenIds.length).toBeGreaterThan(segments[2]!.tokenIds.length);
    // Calls that are named have an id in the record; the others need none.
    expect(calls.map(({ callId }) => callId)).toEqual(['#0', '#1', '', '']);
  });

  test('names it by the id that it declared, where it did', async () => {
    const { session, ask } = start([{ text: 'x' }, { text: 'y' }]);
    const main = await ask([say('user', 'a')], { callId: 'main-1' });
    expect(main.callId).toBe('main-1');
    await ask([say('user', 'b')], { agent: 'helper', parentCallId: 'main-1' });
    expect(session.record().calls[1]).toMatchObject({ parentCallId: 'main-1', agent: 'helper' });
  });

  test('can’t name one that failed', async () => {
    const { ask } = start([{ error: new Error('reset') }]);
    await expect(ask([say('user', 'a')])).rejects.toThrow('reset');
    await expect(ask([say('user', 'b')], { agent: 'h', parentCallId: '#0' })).rejects.toMatchObject(
      {
        reason: 'UNKNOWN_CALL',
      },
    );
  });
});

describe('a call that says nothing of it', () => {
  test('goes on from the sample whose very message it hands back', async () => {
    const whole = [...tokenizer.encode('hello'), END];
    const bytes = [...new TextEncoder().encode('hello'), END];
    const { session, ask } = start([{ tokenIds: whole }, { tokenIds: bytes }, { text: 'x' }]);
    const opening = [say('user', 'a')];
    const first = await ask(opening);
    await ask(opening);
    await ask([...opening, first.message, say('user', 'b')]);
    const [one, two] = session.record().segments;
    expect(one!.tokenIds.length).toBeGreaterThan(two!.tokenIds.length);
  });

  test('and shares no message with what was said begins a conversation of its own', async () => {
    const { session, ask } = start([{ text: 'x' }, { text: 'y' }]);
    await ask([say('system', 'you are one'), say('user', 'a')]);
    await ask([say('system', 'you are another'), say('user', 'a')]);
    expect(session.record().segments[1]).toMatchObject({ reason: 'sub_agent', agent: '' });
  });
});
