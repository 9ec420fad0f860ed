import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  BUCKETS,
  bucketOf,
  emptyLedger,
  type Ledger,
  ledgerBalance,
  type Segment,
  settle,
  validateSequence,
} from '../../src/tokens/index.ts';
import { playGraph, step } from '../support/call-graphs.ts';

function* sampledTokens({ spans }: Pick<Segment, 'spans'>) {
  const offsets = new Map<number, number>();
  for (const { origin, length, callIndex = -1, loss } of spans) {
    if (origin !== 'sampled') continue;
    for (let i = 0; i < length; i++) {
      const offset = offsets.get(callIndex) ?? 0;
      offsets.set(callIndex, offset + 1);
      yield { token: `${callIndex}:${offset}`, loss };
    }
  }
}

/** Token by token: what trains it in any segment puts it into `trained`, else the last that holds it says. */
function recount(segments: readonly Segment[], sampled: number): Ledger {
  const bucket = new Map<string, keyof Ledger>();
  for (const segment of segments) {
    for (const { token, loss } of sampledTokens(segment)) {
      if (bucket.get(token) !== 'trained') bucket.set(token, bucketOf(loss)!);
    }
  }
  const counts: Record<keyof Ledger, number> = { ...emptyLedger(), sampled };
  for (const name of bucket.values()) counts[name] += 1;
  return counts;
}

test('whatever a harness does, each call is held as the engine saw it, and every token is in one bucket', async () => {
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 14 }),
      fc.boolean(),
      fc.constantFrom(0, 0, 30),
      async (steps, declared, maxRowTokens) => {
        const { record, engine, asides } = await playGraph(steps, declared);
        const held = new Set<number>();
        for (const segment of record.segments) {
          validateSequence(segment, segment.id);
          let at = 0;
          for (const { origin, length, callIndex = -1 } of segment.spans) {
            if (origin === 'sampled' && at >= (segment.parent?.sharedTokens ?? 0)) {
              const call = engine.calls[callIndex]!;
              expect([...segment.tokenIds.subarray(0, at)]).toEqual([...call.promptTokenIds]);
              expect([...segment.tokenIds.subarray(at, at + length)]).toEqual([
                ...call.sampledTokenIds,
              ]);
              held.add(callIndex);
            }
            at += length;
          }
        }
        expect(held.size).toBe(engine.calls.length);
        const sampled = engine.calls.reduce((sum, call) => sum + call.sampledTokenIds.length, 0);
        expect(record.calls.reduce((sum, call) => sum + call.sampledTokens, 0)).toBe(sampled);

        for (const policy of ['strict', 'realign', 'fork', 'mask'] as const) {
          const { segments, calls } = record;
          const options = { rolloutId: 'r', calls, policy, maxRowTokens, masked: false };
          const { rows, ledger, ...settled } = settle({
            ...options,
            segments,
            sampledTokens: sampled,
          });
          expect(ledgerBalance(ledger)).toBe(0);
          expect(ledger).toEqual(recount(settled.segments, sampled));
          const trained = rows.flatMap((row) =>
            [...sampledTokens(row)].flatMap(({ token, loss }) =>
              loss === 'trained' ? [token] : [],
            ),
          );
          expect(new Set(trained).size).toBe(trained.length);
          expect(trained.length).toBe(ledger.trained);
          const aside = trained.filter((token) => asides.includes(Number(token.split(':')[0])));
          expect(aside).toEqual([]);
          if (policy === 'fork') expect(ledger.droppedBranch + ledger.realignedDrift).toBe(0);
          if (policy !== 'realign') expect(ledger.realignedDrift).toBe(0);
          if (policy === 'strict' && maxRowTokens === 0) {
            const realigned = settle({
              ...options,
              policy: 'realign',
              segments,
              sampledTokens: sampled,
            });
            expect(realigned.ledger.trained).toBeGreaterThanOrEqual(ledger.trained);
          }
          for (const name of BUCKETS) if (ledger[name] > 0) seen.add(name);
        }
      },
    ),
    { numRuns: 300 },
  );
  expect([...seen].sort()).toEqual(BUCKETS.filter((name) => name !== 'contextOnly').toSorted());
});
