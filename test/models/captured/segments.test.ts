import { describe, expect, test } from 'vitest';
import type { Message } from '../../../src/messages.ts';
import type { SessionRecord } from '../../../src/models/index.ts';
import { END, lettersOf, oddly } from '../../support/engines/chat-world.ts';
import { result, say } from '../chatml.ts';
import { accounts, expectExact, overChat } from './over-chat.ts';

const user = say('user', 'q');
const THOUGHT = '<think>hm</think><call>f {}</call>';
const texts =
  (...all: readonly string[]) =>
  (_: unknown, call: number) => ({ text: all[call]! });

const shape = ({ segments }: Pick<SessionRecord, 'segments'>) =>
  segments.map(({ id, reason, parent, spans }) => [
    id,
    reason,
    parent && `${parent.id}:${parent.sharedTokens}`,
    spans.map(({ origin, length }) => `${origin} ${length}`).join(', '),
  ]);

const everywhere = (rows: number, trained: number) => ({
  strict: [rows, { trained }],
  realign: [rows, { trained }],
  fork: [rows, { trained }],
});

describe('segments of what a chat server says it read', () => {
  test('a conversation with tools is one segment, and what is new has the origin of its messages', async () => {
    const { ask, session, world } = await overChat(
      texts('<call>f {"a":1}</call>', '<call>f {"a":2}</call><call>f {"a":3}</call>', 'ok'),
    );
    const history: Message[] = [user];
    for (const results of [['1'], ['2', '3'], []]) {
      const { message } = await ask(history);
      history.push(message);
      results.forEach((text, at) => {
        history.push(result(message.toolCalls[at]!.id, text));
      });
    }
    const record = session.record();
    expectExact(record, world);
    expect(shape(record)).toEqual([
      ['s0', 'start', undefined, 'prompt 4, sampled 23, tool 4, sampled 45, tool 7, sampled 3'],
    ]);
    expect(record.segments[0]!.logprobs).toEqual(new Float32Array(71).fill(-0.5));
    expect(record.segments[0]!.spans.map(({ messageIndex }) => messageIndex)).toEqual([
      0,
      1,
      2,
      3,
      undefined,
      6,
    ]);
    expect(record.rendering).toEqual({ tokenizerSha256: '', templateSha256: '' });
    expect(accounts(record)).toEqual({ ...everywhere(1, 71), mask: [1, { trained: 71 }] });
  });

  test('a turn that the server spells otherwise is drift, its own spelling foreign', async () => {
    const { ask, session, world } = await overChat((_, call) => ({
      text: 'word',
      ...(call === 1 && { ids: oddly('word') }),
    }));
    const first = await ask([user]);
    const second = await ask([user, first.message, user]);
    const third = await ask([user, first.message, user, second.message, user]);
    await ask([user, first.message, user, second.message, user, third.message, user]);
    const record = session.record();
    expectExact(record, world);
    expect(shape(record)).toEqual([
      ['s0', 'start', undefined, 'prompt 4, sampled 5, prompt 4, sampled 4'],
      [
        's1',
        'history_rewritten',
        's0:13',
        'prompt 4, sampled 5, prompt 4, foreign 5, prompt 4, sampled 5, prompt 4, sampled 5',
      ],
    ]);
    expect(record.segments[1]!.reasonDetail).toBe(
      'the server spells message 3 otherwise than it was sampled',
    );
    expect(accounts(record)).toEqual({
      strict: [1, { trained: 15, droppedBranch: 4 }],
      realign: [1, { trained: 15, realignedDrift: 4 }],
      fork: [2, { trained: 19 }],
      mask: [1, { maskedByFailure: 19 }],
    });
  });

  test('so it is where earlier messages differ in what the template leaves out anyway', async () => {
    const { ask, session } = await overChat((_, call) => ({
      text: ['<think>hm</think>ok', 'word', 'ok'][call]!,
      ...(call === 1 && { ids: oddly('word') }),
    }));
    const { reasoning: _, ...first } = (await ask([user])).message;
    const second = (await ask([user, first, user])).message;
    await ask([user, { ...first, reasoning: 'other' }, user, second, user]);
    const record = session.record();
    expect(record.segments[2]!.reasonDetail).toBe(
      'the server spells message 3 otherwise than it was sampled',
    );
    expect(accounts(record)['realign']![1]).toEqual({ trained: 20 + 3, realignedDrift: 4 });
  });

  test('arguments that the server writes anew part from the sampled ones where they do', async () => {
    const { ask, session, world } = await overChat(texts('<call>f { "a": 1 }</call>', 'ok'));
    const { message } = await ask([user]);
    expect(message.toolCalls[0]!.argumentsText).toBe('{ "a": 1 }');
    await ask([user, message, result(message.toolCalls[0]!.id, '1')]);
    const record = session.record();
    expectExact(record, world);
    // `<call>f {` is the same in both.
    expect(accounts(record)['realign']).toEqual([2, { trained: 9 + 3, realignedDrift: 17 }]);
    expect(accounts(record)['strict']).toEqual([1, { trained: 3, droppedBranch: 26 }]);
  });

  test('thinking that the template leaves out begins a segment, and is no drift', async () => {
    const { ask, session, world } = await overChat(
      texts('<think>hm</think><call>f {}</call>', '<think>so</think>done', 'ok'),
    );
    const call = (await ask([user])).message;
    const id = call.toolCalls[0]!.id;
    const done = (await ask([user, call, result(id, '1')])).message;
    expect(done.reasoning).toBe('so');
    await ask([user, call, result(id, '1'), done, user]);
    const record = session.record();
    expectExact(record, world);
    expect(record.segments.map(({ reason, parent }) => [reason, parent?.sharedTokens])).toEqual([
      ['start', undefined],
      ['template', 4],
    ]);
    expect(accounts(record)).toMatchObject(everywhere(2, 35 + 22 + 3));
  });

  test('thinking of the last turn that the template leaves out is no drift either', async () => {
    const { ask, session } = await overChat(texts('<think>hm</think>ok', 'ok'));
    const { message } = await ask([user]);
    await ask([user, message, user]);
    const { segments } = session.record();
    expect(segments[1]).toMatchObject({ reason: 'template', parent: { sharedTokens: 4 } });
    expect(accounts(session.record())['strict']).toEqual([2, { trained: 20 + 3 }]);
  });

  test('a turn that went on without its thinking is no side call, however long what follows', async () => {
    const { ask, session } = await overChat(texts('<think>hm</think>ok', 'ok', 'ok'));
    const first = (await ask([user])).message;
    const second = (await ask([user, first, user])).message;
    await ask([user, first, user, second, user]);
    const record = session.record();
    expect(record.segments).toHaveLength(2);
    expect(accounts(record)['strict']).toEqual([2, { trained: 20 + 3 + 3 }]);
  });

  test('so it is with thinking that the caller leaves out', async () => {
    // Spelled oddly, so that its end is not found again: what the caller did is known all the same.
    const { ask, session } = await overChat((_, call) =>
      call === 0
        ? { text: THOUGHT, ids: [...lettersOf(THOUGHT.slice(0, -2)), 999, END] }
        : { text: 'ok' },
    );
    const { reasoning: _, ...message } = (await ask([user])).message;
    await ask([user, message, result(message.toolCalls[0]!.id, '1')]);
    expect(session.record().segments[1]).toMatchObject({
      reason: 'template',
      reasonDetail: 'the thinking of message 1 was left out',
    });
  });

  test('a history that the agent rewrites begins a segment that shares what is the same', async () => {
    const { ask, session, world } = await overChat(texts('a', 'b', 'c'));
    const { message } = await ask([user]);
    await ask([user, message, say('user', 'one')]);
    await ask([user, message, say('user', 'other')]);
    const record = session.record();
    expectExact(record, world);
    expect(shape(record)[1]!.slice(0, 3)).toEqual(['s1', 'history_rewritten', 's0:8']);
    expect(record.segments[1]!.reasonDetail).toBe('message 2 differs from the 4 that s0 holds');
    // The second answer is passed over: nobody went on from it.
    expect(accounts(record)['strict']).toEqual([1, { trained: 4, droppedBranch: 2 }]);
  });

  test('an answer that the agent edits is drift from what was sampled', async () => {
    const { ask, session, world } = await overChat(texts('word', 'ok'));
    await ask([user]);
    const edited: Message = {
      role: 'assistant',
      content: [{ kind: 'text', text: 'work' }],
      toolCalls: [],
    };
    await ask([user, edited, user]);
    const record = session.record();
    expectExact(record, world);
    expect(record.segments[1]).toMatchObject({
      reason: 'history_rewritten',
      reasonDetail: 'message 1 differs from what was sampled',
    });
    expect(accounts(record)['realign']).toEqual([2, { trained: 3 + 3, realignedDrift: 2 }]);
  });

  test('other tools are another prompt', async () => {
    const { ask, session } = await overChat(texts('a', 'b'));
    const tool = (name: string) => ({ name, description: '', parameters: { type: 'object' } });
    const { message } = await ask([user], { tools: [tool('f')] });
    await ask([user, message, user], { tools: [tool('g')] });
    expect(session.record().segments[1]).toMatchObject({
      reason: 'history_rewritten',
      reasonDetail: 'the tools changed',
    });
  });

  test('a view of a longer transcript keeps the transcript’s numbers', async () => {
    const { ask, session, world } = await overChat(texts('a', 'b'));
    const { message } = await ask([user]);
    const view = [say('user', 'in short'), message, user];
    await ask(view, { transcriptIndexes: [0, 5, 6] });
    const record = session.record();
    expectExact(record, world);
    expect(record.segments[1]!.reason).toBe('history_rewritten');
    expect(record.segments[1]!.spans.at(-1)!.messageIndex).toBe(7);
  });

  test('of two samples with the same ids the one that was taken up goes on', async () => {
    for (const taken of [0, 1]) {
      const { ask, session, world } = await overChat(() => ({ text: 'ok' }));
      const samples = [await ask([user]), await ask([user])];
      await ask([user, samples[taken]!.message, user]);
      const record = session.record();
      expectExact(record, world);
      const lengths = record.segments.map(({ tokenIds }) => tokenIds.length);
      expect(lengths).toEqual(taken === 0 ? [14, 7] : [7, 14]);
    }
  });

  test('of several segments that a prompt begins with the longest goes on, not the first', async () => {
    for (const taken of [0, 1]) {
      const { ask, session, world } = await overChat(() => ({ text: 'ok' }));
      const samples = [await ask([user]), await ask([user])];
      const history = [user, samples[taken]!.message, user];
      const { message } = await ask(history);
      // A copy, which says nothing of which sample it was.
      await ask(structuredClone([...history, message, user]));
      const record = session.record();
      expectExact(record, world);
      const lengths = record.segments.map(({ tokenIds }) => tokenIds.length);
      expect(lengths).toEqual(taken === 0 ? [21, 7] : [7, 21]);
      expect(accounts(record)['strict']).toEqual([1, { trained: 9, droppedBranch: 3 }]);
    }
  });

  test('a cut-off turn goes on where the template closes it', async () => {
    const { ask, session, world } = await overChat((_, call) => ({
      text: 'word',
      ...(call === 0 && { ids: lettersOf('word'), more: { finish: 'length' as const } }),
    }));
    const { message, finishReason } = await ask([user]);
    expect(finishReason).toBe('length');
    await ask([user, message, user]);
    expectExact(session.record(), world);
    expect(session.record().segments).toHaveLength(1);
  });
});
