import type { Engine, EngineDescription } from '../engine.ts';

/** Pairs of calls that are tried before it stays unknown. */
const TRIES = 6;
/** Nearer than this to certain, a token has the same logprob at any temperature. */
const TELLING = 0.02;

/**
 * Whether logprobs follow the sampling temperature. The same position is sampled at two temperatures
 * until a token came at both: raw logprobs of it agree, processed ones don't. The tokens are not greedy
 * ones, whose processed logprob is 0 in some engines.
 */
export async function logprobModeOf(
  engine: Engine,
  { promptTokenIds, signal }: { readonly promptTokenIds: Int32Array; readonly signal: AbortSignal },
): Promise<{ readonly mode: EngineDescription['logprobMode']; readonly detail: string }> {
  const warm = new Map<number, number>();
  const cool = new Map<number, number>();
  for (let seed = 1; seed <= TRIES; seed++) {
    for (const [temperature, seen] of [
      [1, warm],
      [0.5, cool],
    ] as const) {
      const { tokenIds, logprobs } = await engine.generate(
        {
          requestId: `probe-mode-${crypto.randomUUID()}`,
          promptTokenIds,
          sampling: { maxTokens: 1, temperature, seed },
        },
        { signal },
      );
      const [id] = tokenIds;
      const logprob = logprobs?.[0];
      if (id !== undefined && logprob !== undefined) seen.set(id, logprob);
    }
    for (const [id, at1] of warm) {
      const at05 = cool.get(id);
      if (at05 === undefined || Math.max(at1, at05) > -TELLING) continue;
      const difference = Math.abs(at1 - at05);
      return difference < TELLING / 4
        ? { mode: 'raw', detail: `id ${id} has ${at1.toFixed(4)} at both temperatures` }
        : {
            mode: 'processed',
            detail: `id ${id} has ${at1.toFixed(4)} at 1 and ${at05.toFixed(4)} at 0.5`,
          };
    }
  }
  return { mode: 'unknown', detail: 'no token told them apart' };
}
