import { Code, ConnectError, createRouterTransport } from '@connectrpc/connect';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createRpcClient,
  DEFAULT_RETRY_POLICY,
  retryDelayMs,
  retryInterceptor,
} from '../../src/transport/index.ts';
import { KitService } from './support/kit-service.ts';
import { failureOf } from './support/start-kit.ts';

const policy = { maxAttempts: 4, initialMs: 100, maxMs: 1_000, multiplier: 2 };

describe('retry policy', () => {
  it('grows, keeps to the upper half of its bound, and stops', () => {
    const delays = [1, 2, 3, 4].map((failedAttempts) =>
      retryDelayMs(policy, { failedAttempts, random: 0 }),
    );
    expect(delays).toEqual([50, 100, 200, undefined]);
    expect(retryDelayMs(policy, { failedAttempts: 3, random: 0.5 })).toBe(300);
  });
  it('never exceeds maxMs, whatever the attempt and the randomness', () => {
    const attempts = fc.integer({ min: 1, max: 100 });
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(attempts, random, (failedAttempts, value) => {
        const many = { ...policy, maxAttempts: 1_000 };
        const delay = retryDelayMs(many, { failedAttempts, random: value });
        expect(delay).toBeGreaterThanOrEqual(50);
        expect(delay).toBeLessThanOrEqual(policy.maxMs);
      }),
    );
  });
  it("obeys the server's pushback", () => {
    const at = { failedAttempts: 1, random: 0 };
    expect(retryDelayMs(policy, { ...at, pushbackMs: 7 })).toBe(7);
    expect(retryDelayMs(policy, { ...at, pushbackMs: -1 })).toBeUndefined();
  });
});

describe('retry interceptor', () => {
  /** A service that fails `failures` times with `code`; waits are recorded, not waited. */
  function setup(failures: number, code: Code, metadata?: Record<string, string>) {
    const waits: number[] = [];
    let calls = 0;
    const answer = () => {
      calls += 1;
      if (calls <= failures) throw new ConnectError('not now', code, metadata);
      return {};
    };
    const transport = createRouterTransport(
      (router) => router.service(KitService, { get: answer, echo: answer }),
      {
        transport: {
          interceptors: [
            retryInterceptor({
              policy: DEFAULT_RETRY_POLICY,
              random: () => 0,
              wait: async (ms) => void waits.push(ms),
            }),
          ],
        },
      },
    );
    return { client: createRpcClient(KitService, transport), waits, calls: () => calls };
  }

  it('repeats a method without side effects until it succeeds', async () => {
    const { client, waits, calls } = setup(3, Code.Unavailable);
    await client.get({});
    expect(calls()).toBe(4);
    expect(waits).toEqual([50, 100, 200]);
  });
  it('gives up after its attempts with the last error', async () => {
    const { client, calls } = setup(99, Code.Unavailable);
    expect(await failureOf(client.get({}))).toMatchObject({ code: Code.Unavailable });
    expect(calls()).toBe(DEFAULT_RETRY_POLICY.maxAttempts);
  });
  it('never repeats a method that may have side effects', async () => {
    const { client, calls } = setup(1, Code.Unavailable);
    expect(await failureOf(client.echo({}))).toMatchObject({ code: Code.Unavailable });
    expect(calls()).toBe(1);
  });
  it('never repeats on another code', async () => {
    const { client, calls } = setup(1, Code.Internal);
    expect(await failureOf(client.get({}))).toMatchObject({ code: Code.Internal });
    expect(calls()).toBe(1);
  });
  it('stays away when the server says so', async () => {
    const { client, calls } = setup(1, Code.Unavailable, { 'grpc-retry-pushback-ms': '-1' });
    await failureOf(client.get({}));
    expect(calls()).toBe(1);
  });
});
