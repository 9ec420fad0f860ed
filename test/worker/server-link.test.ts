import { Code, ConnectError } from '@connectrpc/connect';
import { describe, expect, test } from 'vitest';
import type { LachesisClient } from '../../src/client/index.ts';
import { LachesisError } from '../../src/errors.ts';
import { type LinkState, ServerLink } from '../../src/worker/index.ts';

const never = new AbortController().signal;
const unavailable = () => new ConnectError('gone', Code.Unavailable);

function fakeClient(name: string) {
  const client = { address: name, closed: false } as unknown as LachesisClient & {
    closed: boolean;
  };
  return Object.assign(client, {
    [Symbol.asyncDispose]: async () => {
      client.closed = true;
    },
  });
}

/** A link whose connects do what the list says, one after the other; the last for ever. */
function linkOver(outcomes: readonly (() => LachesisClient)[], greets: (() => void)[] = []) {
  const states: LinkState[] = [];
  let connects = 0;
  const link = new ServerLink({
    connect: async () => outcomes[Math.min(connects++, outcomes.length - 1)]!(),
    greet: async () => greets.shift()?.(),
    onState: (state) => states.push(state),
    isFatal: ({ reason }) => reason === 'WRONG_TOKEN',
    firstRetryMs: 1,
    maxRetryMs: 2,
  });
  return { link, states, connects: () => connects };
}

function failing(error: unknown): () => never {
  return () => {
    throw error;
  };
}

describe('a link to a server', () => {
  test('connects when it is needed, once for all who wait, and tries until somebody answers', async () => {
    const client = fakeClient('a');
    const { link, states, connects } = linkOver([
      failing(unavailable()),
      failing(new LachesisError('not_found', 'none', { reason: 'NO_SERVER' })),
      () => client,
    ]);
    await using _link = link;
    expect(connects()).toBe(0);
    const [one, other] = await Promise.all([link.client(never), link.client(never)]);
    expect([one, other]).toEqual([client, client]);
    expect(connects()).toBe(3);
    expect(states.map(({ kind }) => kind)).toEqual(['waiting', 'connected']);
  });

  test('calls again on a new connection when one breaks, and not when the server says no', async () => {
    const clients = [fakeClient('a'), fakeClient('b')];
    const { link } = linkOver([() => clients[0]!, () => clients[1]!]);
    await using _link = link;
    const called: string[] = [];
    const answer = await link.call(never, async ({ address }) => {
      called.push(address);
      if (address === 'a') throw unavailable();
      return 42;
    });
    expect([answer, called, clients[0]?.closed]).toEqual([42, ['a', 'b'], true]);
    const refusal = new LachesisError('not_found', 'no run', { reason: 'RUN_NOT_FOUND' });
    await expect(link.call(never, async () => failing(refusal)())).rejects.toBe(refusal);
    expect(clients[1]?.closed).toBe(false);
  });

  test('greets again where the server does not know the worker any more', async () => {
    const greeted: string[] = [];
    const greet = () => void greeted.push('hello');
    const { link, connects } = linkOver([() => fakeClient('a')], [greet, greet]);
    await using _link = link;
    let calls = 0;
    await link.call(never, async () => {
      calls += 1;
      if (calls > 1) return;
      throw new LachesisError('failed_precondition', 'who?', { reason: 'WORKER_UNKNOWN' });
    });
    expect([greeted.length, calls, connects()]).toEqual([2, 2, 1]);
  });

  test('gives up what waiting does not mend, and says so', async () => {
    for (const error of [
      new LachesisError('permission_denied', 'no', { reason: 'NOT_ALLOWED' }),
      new LachesisError('unauthenticated', 'no', { reason: 'WRONG_TOKEN' }),
    ]) {
      const { link, states } = linkOver([failing(error)]);
      await using _link = link;
      await expect(link.client(never)).rejects.toBe(error);
      expect(states).toEqual([{ kind: 'failed', error }]);
    }
  });

  test('ends every wait when it is closed or the caller leaves', async () => {
    const { link } = linkOver([failing(unavailable())]);
    const leave = new AbortController();
    const left = link.client(leave.signal);
    const waiting = link.call(never, async () => 1);
    leave.abort(new Error('left'));
    await expect(left).rejects.toThrow('left');
    const ended = expect(waiting).rejects.toMatchObject({ reason: 'CLOSED' });
    await link[Symbol.asyncDispose]();
    await ended;
    await expect(link.callNow(async () => 1)).rejects.toMatchObject({ reason: 'SERVER_AWAY' });
  });
});
