import { Limiter, startDeadline, untilAborted } from '../../async/index.ts';
import { errorMessage, LachesisError } from '../../errors.ts';
import type { SandboxBackend } from '../contract/backend.ts';
import { DEADLINE_TAG, OWNER_TAG, ownerState, POOL_TAG } from './owner-tags.ts';

const DEFAULT_CONCURRENCY = 8;
const LIST_TIMEOUT_MS = 60_000;
const END_TIMEOUT_MS = 30_000;

export interface SweepOptions {
  readonly backend: SandboxBackend;
  readonly signal: AbortSignal;
  /** Only those that bear these too. */
  readonly tags?: Readonly<Record<string, string>>;
  /** How many are ended at a time. Default: 8. */
  readonly concurrency?: number;
  /** Milliseconds since the Unix epoch. Default: now. */
  readonly nowMs?: number;
}

export interface SweepReport {
  /** Sandboxes of pools, of whichever process. */
  readonly found: number;
  readonly ended: readonly { readonly id: string; readonly why: 'owner_dead' | 'past_deadline' }[];
  /** Should have been ended and were not. */
  readonly failed: readonly { readonly id: string; readonly error: string }[];
}

/**
 * Ends what pools of dead processes left with a provider; run it before a pool is opened. A sandbox whose
 * owner can't be seen from here, such as on another machine, is left alone until its deadline is past.
 */
export async function sweepSandboxes(options: SweepOptions): Promise<SweepReport> {
  const { backend, signal, tags = {}, nowMs = Date.now() } = options;
  const { concurrency = DEFAULT_CONCURRENCY } = options;
  const found = await withinTime((bound) => backend.list({ ...tags, [POOL_TAG]: '1' }, bound), {
    timeoutMs: LIST_TIMEOUT_MS,
    what: 'list its sandboxes',
    signal,
  });
  const limiter = new Limiter(Math.max(1, concurrency));
  const ended: SweepReport['ended'][number][] = [];
  const failed: SweepReport['failed'][number][] = [];
  await Promise.all(
    found.map(async (sandbox) => {
      const why = reasonToEnd(sandbox.tags, nowMs);
      if (why === undefined) return;
      using place = await limiter.acquire(signal);
      void place;
      try {
        await withinTime(() => sandbox.terminate(), {
          ...{ timeoutMs: END_TIMEOUT_MS, what: `end ${sandbox.id}`, signal },
        });
        ended.push({ id: sandbox.id, why });
      } catch (error) {
        failed.push({ id: sandbox.id, error: errorMessage(error) });
      }
    }),
  );
  return { found: found.length, ended, failed };
}

function reasonToEnd(
  tags: Readonly<Record<string, string>>,
  nowMs: number,
): 'owner_dead' | 'past_deadline' | undefined {
  const { [OWNER_TAG]: owner, [DEADLINE_TAG]: deadline = '' } = tags;
  const state = owner === undefined ? 'unknown' : ownerState(owner);
  // Its own pool ends it; clocks may be set, and a live owner knows better.
  if (state === 'alive') return undefined;
  if (state === 'dead') return 'owner_dead';
  return /^\d+$/.test(deadline) && Number(deadline) < nowMs ? 'past_deadline' : undefined;
}

async function withinTime<Value>(
  work: (bound: AbortSignal) => Promise<Value>,
  options: { readonly timeoutMs: number; readonly what: string; readonly signal: AbortSignal },
): Promise<Value> {
  const { timeoutMs, what, signal } = options;
  using deadline = startDeadline({
    ...{ timeoutMs, signal },
    reason: () =>
      new LachesisError(
        'infrastructure_error',
        `The backend took longer than ${timeoutMs} ms to ${what}.`,
        { reason: 'SANDBOX_SWEEP_TIMEOUT' },
      ),
  });
  return await untilAborted(work(deadline.signal), { signal: deadline });
}
