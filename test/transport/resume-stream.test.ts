import { setTimeout as sleep } from 'node:timers/promises';
import { Code, ConnectError } from '@connectrpc/connect';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resumeStream } from '../../src/transport/index.ts';
import { collect, failureOf } from './support/start-kit.ts';

const unavailable = () => new ConnectError('gone', Code.Unavailable);
const quick = { random: () => 0, wait: async () => {} };

/** Events 1..total after a cursor; each opening dies after as many values as `lives` says. */
function flaky(total: number, lives: number[], opened: (number | undefined)[] = []) {
  return async function* (after: number | undefined): AsyncGenerator<number> {
    opened.push(after);
    let left = lives.shift() ?? Infinity;
    for (let event = (after ?? 0) + 1; event <= total; event += 1) {
      if (left-- <= 0) throw unavailable();
      yield event;
    }
  };
}

describe('resumeStream', () => {
  it('delivers every event once and in order, wherever the connection breaks', async () => {
    const lives = fc.array(fc.integer({ min: 0, max: 6 }), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 20 }), lives, async (total, cuts) => {
        const policy = { maxAttempts: 20 };
        const options = { cursorOf: (value: number) => value, policy, ...quick };
        const seen = await collect(resumeStream(flaky(total, [...cuts]), options));
        expect(seen).toEqual(Array.from({ length: total }, (_, index) => index + 1));
      }),
    );
  });
  it('starts after the given cursor and reopens after the last one seen', async () => {
    const opened: (number | undefined)[] = [];
    const options = { cursorOf: (value: number) => value, after: 5, ...quick };
    const seen = await collect(resumeStream(flaky(9, [2, 0], opened), options));
    expect(seen).toEqual([6, 7, 8, 9]);
    expect(opened).toEqual([5, 7, 7]);
  });
  it('keeps the cursor over values that carry none', async () => {
    const opened: (string | undefined)[] = [];
    async function* open(after: string | undefined) {
      opened.push(after);
      yield 'a';
      yield 'heartbeat';
      if (opened.length < 2) throw unavailable();
    }
    const cursorOf = (value: string) => (value === 'heartbeat' ? undefined : value);
    await collect(resumeStream(open, { cursorOf, ...quick }));
    expect(opened).toEqual([undefined, 'a']);
  });
  it('gives up after so many failures in a row without a value', async () => {
    const opened: (number | undefined)[] = [];
    const lives = [1, 0, 0, 0, 0, 0];
    const options = { cursorOf: (value: number) => value, policy: { maxAttempts: 3 }, ...quick };
    const stream = resumeStream(flaky(9, lives, opened), options);
    expect(await failureOf(collect(stream))).toMatchObject({ code: Code.Unavailable });
    expect(opened.length).toBe(3);
  });
  it('passes on what is no transient failure, such as a cursor that is too old', async () => {
    // biome-ignore lint/correctness/useYield: it fails before it has anything to yield
    async function* open(): AsyncGenerator<number> {
      throw new ConnectError('oldest is 100', Code.OutOfRange);
    }
    const options = { cursorOf: (value: number) => value, ...quick };
    const error = await failureOf(collect(resumeStream(open, options)));
    expect(error).toMatchObject({ code: Code.OutOfRange });
  });
  it("stops waiting when its signal fires, with the signal's reason", async () => {
    const controller = new AbortController();
    const options = {
      cursorOf: (value: number) => value,
      signal: controller.signal,
      policy: { initialMs: 60_000, maxMs: 60_000 },
    };
    const ended = failureOf(collect(resumeStream(flaky(9, [0]), options)));
    await sleep(10);
    controller.abort(new Error('enough'));
    expect(await ended).toMatchObject({ message: 'enough' });
  });
  it('fires the signal of an opening that its consumer leaves', async () => {
    let given: AbortSignal | undefined;
    async function* open(_after: number | undefined, { signal }: { signal: AbortSignal }) {
      given = signal;
      for (let value = 0; ; value += 1) yield value;
    }
    for await (const value of resumeStream(open, { cursorOf: (value) => value })) {
      if (value === 2) break;
    }
    expect(given?.aborted).toBe(true);
  });
});
