import { LachesisError } from '../../errors.ts';
import type { Engine, EngineDescription } from '../engine.ts';

/** Pairs of calls that are tried before it stays unknown. */
const TRIES = 6;
/** Nearer than this to certain, a token has the same logprob at any temperature. */
const TELLING = 0.02;

export interface LogprobModeFinding {
  readonly mode: EngineDescription['logprobMode'];
  readonly detail: string;
}

interface ModeOptions {
  readonly promptTokenIds: Int32Array;
  readonly signal: AbortSignal;
}

/**
 * Whether logprobs follow what shapes the sampling. The likeliest token is taken by keeping that one
 * alone: its raw logprob is the model's own at any temperature, and a processed one is 0. Where the model
 * is certain of it, or the engine can't keep one alone, chance has to show the same token at two temperatures.
 */
export async function logprobModeOf(
  engine: Engine,
  options: ModeOptions,
): Promise<LogprobModeFinding> {
  return (await byLikeliest(engine, options)) ?? (await byChance(engine, options));
}

async function byLikeliest(
  engine: Engine,
  options: ModeOptions,
): Promise<LogprobModeFinding | undefined> {
  const warm = await firstToken(engine, options, { temperature: 1, topK: 1 });
  const cool = await firstToken(engine, options, { temperature: 0.5, topK: 1 });
  if (warm === undefined || cool === undefined || warm.id !== cool.id) return undefined;
  if (Math.min(warm.logprob, cool.logprob) < -TELLING) return told(warm.id, warm, cool);
  const { promptTokenIds, signal } = options;
  const scored = await engine.score?.(Int32Array.from([...promptTokenIds, warm.id]), { signal });
  const own = scored?.at(-1);
  if (own === undefined || own > -TELLING) return undefined;
  const detail = `id ${warm.id} has ${own.toFixed(4)} of its own and ${warm.logprob.toFixed(4)} where it is kept alone`;
  return { mode: 'processed', detail };
}

async function byChance(engine: Engine, options: ModeOptions): Promise<LogprobModeFinding> {
  const warm = new Map<number, { readonly logprob: number }>();
  const cool = new Map<number, { readonly logprob: number }>();
  for (let seed = 1; seed <= TRIES; seed++) {
    for (const [temperature, seen] of [
      [1, warm],
      [0.5, cool],
    ] as const) {
      const token = await firstToken(engine, options, { temperature, seed });
      if (token !== undefined) seen.set(token.id, token);
    }
    for (const [id, at1] of warm) {
      const at05 = cool.get(id);
      if (at05 === undefined || Math.max(at1.logprob, at05.logprob) > -TELLING) continue;
      return told(id, at1, at05);
    }
  }
  return { mode: 'unknown', detail: 'no token told them apart' };
}

function told(
  id: number,
  warm: { readonly logprob: number },
  cool: { readonly logprob: number },
): LogprobModeFinding {
  const [at1, at05] = [warm.logprob.toFixed(4), cool.logprob.toFixed(4)];
  return Math.abs(warm.logprob - cool.logprob) < TELLING / 4
    ? { mode: 'raw', detail: `id ${id} has ${at1} at both temperatures` }
    : { mode: 'processed', detail: `id ${id} has ${at1} at temperature 1 and ${at05} at 0.5` };
}

async function firstToken(
  engine: Engine,
  { promptTokenIds, signal }: ModeOptions,
  sampling: Parameters<Engine['generate']>[0]['sampling'],
): Promise<{ readonly id: number; readonly logprob: number } | undefined> {
  const requestId = `probe-mode-${crypto.randomUUID()}`;
  try {
    const made = await engine.generate(
      { requestId, promptTokenIds, sampling: { ...sampling, maxTokens: 1 } },
      { signal },
    );
    signal.throwIfAborted();
    const [id] = made.tokenIds;
    const logprob = made.logprobs?.[0];
    return id === undefined || logprob === undefined ? undefined : { id, logprob };
  } catch (thrown) {
    if (thrown instanceof LachesisError && thrown.reason === 'UNSUPPORTED_SAMPLING')
      return undefined;
    throw thrown;
  }
}
