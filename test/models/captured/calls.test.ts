import { describe, expect, test } from 'vitest';
import type { Message } from '../../../src/messages.ts';
import { say } from '../chatml.ts';
import { accounts, expectExact, live, overChat } from './over-chat.ts';

const user = say('user', 'q');
const says = (text: string) => () => ({ text });

describe('calls that go wrong', () => {
  test('one that was not answered is asked again, under another id', async () => {
    const { ask, fake } = await overChat(says('ok'));
    fake.fault({ status: 503 });
    await ask([user]);
    expect(fake.sampled.map(({ body }) => body.request_id)).toEqual(['r/0', 'r/0~1']);
  });

  test.each([
    [{ status: 500 }, 'infrastructure_error', 'ENGINE_UNAVAILABLE'],
    [{ cut: true }, 'infrastructure_error', 'ENGINE_REPLY_CUT_OFF'],
    [
      { status: 400, raw: '{"error":{"message":"This model\'s maximum context length is 512"}}' },
      'model_error',
      'CONTEXT_OVERFLOW',
    ],
    [
      {
        status: 400,
        raw: '{"error":{"message":"\\"auto\\" tool choice requires --enable-auto-tool-choice"}}',
      },
      'model_error',
      'ENGINE_REQUEST_REFUSED',
    ],
    [{ status: 404 }, 'model_error', 'ENGINE_REQUEST_REFUSED'],
    [
      { raw: '{"error":{"message":"gone","code":503}}' },
      'infrastructure_error',
      'MODEL_SERVER_UNAVAILABLE',
    ],
  ])('%j is typed, and its call has failed', async (fault, kind, reason) => {
    const { ask, fake, session } = await overChat(says('ok'));
    fake.fault(fault);
    await expect(ask([user])).rejects.toMatchObject({ kind, reason });
    expect(session.record()).toMatchObject({ modelCalls: 1, sampledTokens: 0, segments: [] });
    expect(session.record().calls[0]).toMatchObject({ failed: true });
    await ask([user]);
    expect(session.record().segments).toHaveLength(1);
  });

  test('an abort closes the connection and throws its own reason', async () => {
    const { ask, fake, session } = await overChat(says('ok'));
    fake.fault({ hang: true });
    const controller = new AbortController();
    const call = ask([user], {}, controller.signal);
    await expect.poll(() => fake.sampled.length).toBe(1);
    controller.abort(new Error('enough'));
    await expect(call).rejects.toThrow('enough');
    await fake.sampled[0]!.clientGone;
    expect(session.record().calls).toMatchObject([{ failed: true, sampledTokens: 0 }]);
  });

  test('a call that outlasts its deadline is typed', async () => {
    const { ask, fake } = await overChat(says('ok'), { timeoutMs: 40 });
    fake.fault({ hang: true });
    await expect(ask([user])).rejects.toMatchObject({ reason: 'MODEL_TIMEOUT' });
  });

  test('a prompt that is sampled again is a sample of the same place', async () => {
    const { ask, session, world } = await overChat((_, call) => ({ text: 'ab'[call % 2]! }));
    await ask([user]);
    const { message } = await ask([user]);
    await ask([user, message, user]);
    const record = session.record();
    expectExact(record, world);
    expect(record.segments[1]).toMatchObject({ reason: 'branch', parent: { sharedTokens: 4 } });
    expect(accounts(record)['strict']).toEqual([1, { trained: 4, droppedBranch: 2 }]);
  });

  test('a call that is asked again under its id is made once', async () => {
    const { ask, fake, session } = await overChat(says('ok'));
    const lineage = { callId: 'c' };
    const [one, two] = await Promise.all([ask([user], { lineage }), ask([user], { lineage })]);
    expect(one).toBe(two);
    expect(fake.sampled).toHaveLength(1);
    await expect(ask([say('user', 'x')], { lineage })).rejects.toMatchObject({
      reason: 'CALL_ID_REUSED',
    });
    expect(session.record().modelCalls).toBe(1);
  });

  test('a closed server refuses', async () => {
    const { ask, server } = await overChat(says('ok'));
    await server.close();
    await expect(ask([user])).rejects.toThrow(/closed/);
  });
});

describe('several at once', () => {
  test('calls that go on from the same turn are a segment each', async () => {
    const { ask, session, world } = await overChat(says('ok'));
    const { message } = await ask([user]);
    const words = ['one', 'two', 'three'];
    await Promise.all(words.map((word) => ask([user, message, say('user', word)])));
    const record = session.record();
    expectExact(record, world);
    expect(record.segments.map(({ reason, parent }) => [reason, parent])).toEqual([
      ['start', undefined],
      ['branch', { id: 's0', sharedTokens: 7 }],
      ['branch', { id: 's0', sharedTokens: 7 }],
    ]);
    expect(accounts(record)['strict']).toEqual([3, { trained: 12 }]);
  });

  test('samples of one prompt at once are samples of one place', async () => {
    const { ask, session, world } = await overChat((_, call) => ({ text: 'abc'[call]! }));
    await Promise.all([1, 2, 3].map(() => ask([user])));
    const record = session.record();
    expectExact(record, world);
    expect(accounts(record)['strict']).toEqual([1, { trained: 2, droppedBranch: 4 }]);
  });

  test('agents share no conversation, and a call that names its parent goes on from that one', async () => {
    const { ask, session, world } = await overChat(says('ok'));
    const main = await ask([user], { lineage: { callId: 'a' } });
    await ask([user], { lineage: { agent: 'helper' } });
    await ask([user, main.message, user], { lineage: { parentCallId: 'a' } });
    await expect(ask([user], { lineage: { parentCallId: 'zz' } })).rejects.toMatchObject({
      reason: 'UNKNOWN_CALL',
    });
    const record = session.record();
    expectExact(record, world);
    expect(record.segments.map(({ reason, agent, parent }) => [reason, agent, parent])).toEqual([
      ['start', '', undefined],
      ['sub_agent', 'helper', undefined],
    ]);
    expect(record.segments[0]!.tokenIds).toHaveLength(14);
  });

  test('a side call shares nothing, and one for another purpose is not for training', async () => {
    const { ask, session } = await overChat(says('ok'));
    const { message } = await ask([user]);
    await ask([say('user', 'a title for this')]);
    await ask([user, message, user]);
    await ask([user, message, say('user', 'rate it')], { lineage: { purpose: 'judge' } });
    const record = session.record();
    expect(record.segments[1]).toMatchObject({ reason: 'sub_agent', parent: undefined });
    expect(accounts(record)['strict']).toEqual([
      1,
      { trained: 6, droppedBranch: 3, notForTraining: 3 },
    ]);
  });
});

test('history of one call is not held against another session', async () => {
  const { server, ask, session } = await overChat(says('ok'));
  const { message } = await ask([user]);
  const history: Message[] = [user, message, user];
  const other = server.openSession({ rolloutId: 'o', announcedVersion: () => 0 });
  await other.complete({ messages: history, tools: [], sampling: {} }, { signal: live });
  expect(other.record().segments).toMatchObject([{ reason: 'start', parent: undefined }]);
  expect(session.record().segments[0]!.tokenIds).toHaveLength(7);
});
