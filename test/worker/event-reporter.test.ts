import { describe, expect, test } from 'vitest';
import { LachesisError } from '../../src/errors.ts';
import { EventReporter, type Report, type Told } from '../../src/worker/event-reporter.ts';

const turn = (rolloutId: string, index: number, text = ''): Told => ({
  kind: 'turn',
  rolloutId,
  groupId: rolloutId.split('.')[0]!,
  turn: { index, finishReason: 'stop', modelDurationMs: 1, toolDurationMs: 0, toolCalls: 0 },
  messages: [{ role: 'assistant', content: [{ kind: 'text', text }], toolCalls: [] }],
});

const RUN = { runId: 'run', attempt: 1 };

const away = () => new LachesisError('infrastructure_error', 'away', { reason: 'SERVER_AWAY' });

/** What a server was told: `a.0:1` for a turn, and the turns that were missed; of other runs, after their name. */
function listener(answer: (call: number) => Promise<void> = async () => {}) {
  const told: string[] = [];
  const missed: Record<string, number> = {};
  let calls = 0;
  return {
    told,
    missed,
    get calls() {
      return calls;
    },
    send: async ({ events, missedTurns }: Report) => {
      calls += 1;
      await answer(calls);
      for (const { runId, event } of events) {
        const run = runId === 'run' ? '' : `${runId} `;
        told.push(
          `${run}${event.rolloutId}:${event.kind === 'turn' ? event.turn.index : event.kind}`,
        );
      }
      for (const { runId, rolloutId, turns } of missedTurns) {
        missed[runId === 'run' ? rolloutId : `${runId} ${rolloutId}`] = turns;
      }
    },
  };
}

const { signal } = new AbortController();

describe('what a worker tells of its rollouts', () => {
  test('goes out in order, a call at a time, and is all told by a flush', async () => {
    const server = listener();
    await using reporter = new EventReporter({ send: server.send });
    for (const index of [1, 2, 3]) reporter.put(turn('a.0', index), RUN);
    await reporter.flush(5_000, signal);
    expect(server.told).toEqual(['a.0:1', 'a.0:2', 'a.0:3']);
    // The first goes at once, what came meanwhile in one more.
    expect(server.calls).toBe(2);
    expect(server.missed).toEqual({});
  });

  test('is dropped oldest first when the server does not take it, and how much is told', async () => {
    const held = Promise.withResolvers<void>();
    const server = listener((call) => (call === 1 ? held.promise : Promise.resolve()));
    await using reporter = new EventReporter({ send: server.send, maxEvents: 3 });
    // Nothing of this waits.
    for (let index = 1; index <= 10; index++) reporter.put(turn('a.0', index), RUN);
    reporter.put(turn('b.0', 1), RUN);
    held.resolve();
    await reporter.flush(5_000, signal);
    // What was on its way is not dropped.
    expect(server.told).toEqual(['a.0:1', 'a.0:10', 'b.0:1']);
    expect(server.missed).toEqual({ 'a.0': 8 });
  });

  test('is bounded by its texts as well, of which the newest always goes', async () => {
    const held = Promise.withResolvers<void>();
    const server = listener((call) => (call === 1 ? held.promise : Promise.resolve()));
    await using reporter = new EventReporter({ send: server.send, maxUnits: 2_000 });
    reporter.put(turn('a.0', 1), RUN);
    reporter.put(turn('a.0', 2), RUN);
    reporter.put(turn('a.0', 3, 'x'.repeat(5_000)), RUN);
    held.resolve();
    await reporter.flush(5_000, signal);
    expect(server.told).toEqual(['a.0:1', 'a.0:3']);
    expect(server.missed).toEqual({ 'a.0': 1 });
  });

  test('is told again when a call fails, and not when it is refused', async () => {
    const server = listener(async (call) => {
      if (call === 1) throw away();
    });
    await using reporter = new EventReporter({ send: server.send, retryMs: 1 });
    reporter.put(turn('a.0', 1), RUN);
    await reporter.flush(5_000, signal);
    expect(server.told).toEqual(['a.0:1']);
    const strict = listener(async (call) => {
      if (call === 1) throw new LachesisError('invalid_input', 'no', { reason: 'INVALID' });
    });
    await using other = new EventReporter({ send: strict.send, retryMs: 1 });
    other.put(turn('a.0', 1), RUN);
    other.put(turn('a.0', 2), RUN);
    await other.flush(5_000, signal);
    expect(strict.told).toEqual(['a.0:2']);
    expect(strict.missed).toEqual({ 'a.0': 1 });
  });

  test('is kept from a server that does not know of it after the first call', async () => {
    const server = listener(async () => {
      throw new LachesisError('unimplemented', 'no such method', { reason: 'UNIMPLEMENTED' });
    });
    await using reporter = new EventReporter({ send: server.send });
    for (const index of [1, 2]) reporter.put(turn('a.0', index), RUN);
    await reporter.flush(5_000, signal);
    reporter.put(turn('a.0', 3), RUN);
    await reporter.flush(5_000, signal);
    expect(server.calls).toBe(1);
  });

  test('does not keep a flush waiting longer than it may, nor the end', async () => {
    const server = listener(async () => {
      throw away();
    });
    await using reporter = new EventReporter({ send: server.send });
    reporter.put(turn('a.0', 1), RUN);
    await reporter.flush(5, signal);
    await reporter.flush(5_000, AbortSignal.abort());
    expect(server.told).toEqual([]);
  });

  test('is let go with its group', async () => {
    const held = Promise.withResolvers<void>();
    const server = listener((call) => (call === 1 ? held.promise : Promise.resolve()));
    await using reporter = new EventReporter({ send: server.send, maxEvents: 2 });
    reporter.put(turn('a.0', 1), RUN);
    for (const index of [1, 2, 3]) reporter.put(turn('b.0', index), RUN);
    reporter.forget({ runId: 'run', assignmentId: 'b' }, ['b.0']);
    reporter.put(turn('c.0', 1), RUN);
    held.resolve();
    await reporter.flush(5_000, signal);
    expect(server.told).toEqual(['a.0:1', 'c.0:1']);
    expect(server.missed).toEqual({});
  });

  test('is counted and let go by run, of which two may use the same ids', async () => {
    const held = Promise.withResolvers<void>();
    const server = listener((call) => (call === 1 ? held.promise : Promise.resolve()));
    await using reporter = new EventReporter({ send: server.send, maxEvents: 3 });
    const [one, two] = ['one', 'two'].map((runId) => ({ runId, attempt: 1 })) as [
      typeof RUN,
      typeof RUN,
    ];
    for (const index of [1, 2, 3, 4]) reporter.put(turn('a.0', index), one);
    for (const index of [1, 2, 3]) reporter.put(turn('a.0', index), two);
    reporter.forget({ runId: 'one', assignmentId: 'a' }, ['a.0']);
    held.resolve();
    await reporter.flush(5_000, signal);
    expect(server.told).toEqual(['one a.0:1', 'two a.0:2', 'two a.0:3']);
    expect(server.missed).toEqual({ 'two a.0': 1 });
  });

  test('is not missed where it was let go before it was refused', async () => {
    const held = Promise.withResolvers<void>();
    const server = listener((call) => (call === 1 ? held.promise : Promise.resolve()));
    await using reporter = new EventReporter({ send: server.send });
    reporter.put(turn('a.0', 1), RUN);
    reporter.forget({ runId: 'run', assignmentId: 'a' }, ['a.0']);
    held.reject(new LachesisError('invalid_input', 'no', { reason: 'INVALID' }));
    await reporter.flush(5_000, signal);
    reporter.put(turn('b.0', 1), RUN);
    await reporter.flush(5_000, signal);
    expect(server.told).toEqual(['b.0:1']);
    expect(server.missed).toEqual({});
  });
});
