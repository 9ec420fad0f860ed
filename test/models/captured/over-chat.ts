import { afterEach, expect } from 'vitest';
import type { Message } from '../../../src/messages.ts';
import {
  type CompletionRequest,
  createVllmChatServer,
  type SessionRecord,
  type VllmChatServerOptions,
} from '../../../src/models/index.ts';
import {
  type Ledger,
  ledgerBalance,
  settle,
  type TrainingPolicy,
  validateSequence,
} from '../../../src/tokens/index.ts';
import { ChatWorld, textOfIds, type Written } from '../../support/engines/chat-world.ts';
import { startVllmFake, type VllmFakeOptions } from '../../support/engines/vllm-fake.ts';

export const live = new AbortController().signal;

export const POLICIES = ['strict', 'realign', 'fork', 'mask'] as const;

let started: AsyncDisposable[] = [];

afterEach(async () => {
  for (const one of started.toReversed()) await one[Symbol.asyncDispose]();
  started = [];
});

/** A session over a scripted vLLM; nothing that it is sent may be amiss. */
export async function overChat(
  write: (body: { readonly messages: readonly unknown[] }, call: number) => Written,
  options: Partial<VllmChatServerOptions> & { readonly fake?: VllmFakeOptions } = {},
) {
  const { fake: how, ...more } = options;
  const world = new ChatWorld(write);
  const fake = await startVllmFake({ chat: world.chat, detokenize: textOfIds, ...how });
  const server = createVllmChatServer({
    url: fake.url,
    retries: { pauseMs: 1 },
    probe: 'never',
    ...more,
  });
  started.push(
    {
      [Symbol.asyncDispose]: async () => {
        await fake[Symbol.asyncDispose]();
        expect(fake.problems).toEqual([]);
      },
    },
    { [Symbol.asyncDispose]: () => server.close() },
  );
  const session = server.openSession({ rolloutId: 'r', announcedVersion: () => 3 });
  const ask = (
    messages: readonly Message[],
    request: Partial<CompletionRequest> = {},
    signal = live,
  ) => session.complete({ messages, tools: [], sampling: {}, ...request }, { signal });
  return { world, fake, server, session, ask };
}

/** Each call's segment holds the very prompt that the server read, and behind it what it sampled. */
export function expectExact(
  { segments, calls }: Pick<SessionRecord, 'segments' | 'calls'>,
  { log }: ChatWorld,
): void {
  for (const segment of segments) expect(() => validateSequence(segment, 's')).not.toThrow();
  calls.forEach(({ index, failed }) => {
    if (failed) return;
    const { prompt, sampled } = log.find(({ requestId }) => requestId === `r/${index}`)!;
    const at = segments.flatMap((segment) => {
      let start = 0;
      for (const { callIndex, length } of segment.spans) {
        if (callIndex === index && start >= (segment.parent?.sharedTokens ?? 0)) {
          return [segment.tokenIds.subarray(0, start + length)];
        }
        start += length;
      }
      return [];
    });
    expect(at.map((tokens) => [...tokens])).toEqual([[...prompt, ...sampled]]);
  });
}

/** Rows, and what of the ledger is not 0, under each policy; the account balances under all. */
export function accounts({
  segments,
  calls,
  sampledTokens,
}: Pick<SessionRecord, 'segments' | 'calls' | 'sampledTokens'>) {
  const of = (policy: TrainingPolicy): [rows: number, buckets: Partial<Ledger>] => {
    const { rows, ledger } = settle({
      rolloutId: 'r',
      segments,
      calls,
      sampledTokens: sampledTokens ?? -1,
      policy,
      maxRowTokens: 0,
      masked: false,
    });
    expect(ledgerBalance(ledger)).toBe(0);
    const { sampled: _, ...buckets } = ledger;
    return [
      rows.length,
      Object.fromEntries(Object.entries(buckets).filter(([, count]) => count > 0)),
    ];
  };
  return Object.fromEntries(POLICIES.map((policy) => [policy, of(policy)]));
}
