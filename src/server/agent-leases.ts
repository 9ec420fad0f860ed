import { type Clock, systemClock, untilAborted } from '../async/index.ts';
import { invalidInput, LachesisError } from '../errors.ts';
import type { SandboxLease, SandboxPool, SandboxSpec } from '../sandbox/index.ts';
import { type AgentRules, assertGranted } from './agent-rules.ts';

const DEFAULT_HOLD_MS = 300_000;
const DEFAULT_MAX_PER_CALLER = 64;
const LEAST_ID_LENGTH = 16;
const MOST_ID_LENGTH = 256;
/** In all, however often it is used. */
const MOST_LIFE_MS = 3_600_000;

interface Held {
  readonly callerId: string;
  readonly coming: Promise<SandboxLease>;
  /** Ends the wait for it. */
  readonly stop: AbortController;
  readonly wants: string;
  uses: number;
  callOff: () => void;
}

/**
 * The leases of agents elsewhere, each the matter of one credential and of whoever knows its id. One that
 * nobody uses for `holdMs` is given back.
 */
export class AgentLeases implements AsyncDisposable {
  readonly pool: SandboxPool;
  readonly holdMs: number;
  readonly #rules: AgentRules;
  readonly #maxPerCaller: number;
  readonly #clock: Clock;
  readonly #held = new Map<string, Held>();
  readonly #ending = new Set<Promise<void>>();
  #isClosed = false;

  constructor(options: {
    readonly pool: SandboxPool;
    /** Default: they may name nothing. */
    readonly rules?: AgentRules;
    /** Default: 5 minutes. */
    readonly holdMs?: number;
    /** Default: 64. */
    readonly maxPerCaller?: number;
    readonly clock?: Clock;
  }) {
    this.pool = options.pool;
    this.#rules = options.rules ?? {};
    this.holdMs = options.holdMs ?? DEFAULT_HOLD_MS;
    this.#maxPerCaller = options.maxPerCaller ?? DEFAULT_MAX_PER_CALLER;
    this.#clock = options.clock ?? systemClock;
  }

  /** The same one when it is asked for again, and waited for as long as anybody has not released it. */
  async acquire(
    callerId: string,
    leaseId: string,
    spec: SandboxSpec,
    signal: AbortSignal,
  ): Promise<SandboxLease> {
    checkId(leaseId);
    assertGranted(spec, this.#rules);
    const key = keyOf(callerId, leaseId);
    const wants = JSON.stringify(spec);
    const known = this.#held.get(key);
    if (known !== undefined && known.wants !== wants) {
      throw new LachesisError('already_exists', 'lease_id: is of a sandbox of another kind.', {
        reason: 'LEASE_DIFFERS',
        remedy: 'Ask for the same image and network, or choose another lease_id.',
        field: 'lease_id',
      });
    }
    const held = known ?? this.#begin(key, callerId, spec, wants);
    return await this.#using(key, held, signal, async (lease) => lease);
  }

  /** Does something in a lease; it is not given back for want of use meanwhile. */
  async use<Value>(
    callerId: string,
    leaseId: string,
    work: (lease: SandboxLease) => Promise<Value>,
  ): Promise<Value> {
    const key = keyOf(callerId, leaseId);
    const held = this.#held.get(key);
    if (held === undefined) throw unknownLease();
    return await this.#using(key, held, undefined, work);
  }

  /** Gives it back; nothing where there is none. */
  async release(callerId: string, leaseId: string): Promise<void> {
    await this.#end(keyOf(callerId, leaseId));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#held.keys()].map((key) => this.#end(key)));
    await Promise.all(this.#ending);
  }

  #begin(key: string, callerId: string, spec: SandboxSpec, wants: string): Held {
    if (this.#isClosed) {
      throw new LachesisError('failed_precondition', 'the server shuts down.', {
        reason: 'SERVER_STOPPED',
      });
    }
    const count = [...this.#held.values()].filter((held) => held.callerId === callerId).length;
    if (count >= this.#maxPerCaller) {
      throw new LachesisError('resource_exhausted', `${count} sandboxes are held already.`, {
        reason: 'TOO_MANY_LEASES',
        remedy: 'Release those that are done with.',
        retryAfterMs: 1_000,
      });
    }
    const stop = new AbortController();
    const coming = this.pool.acquire(spec, {
      owner: 'an agent over gRPC',
      holdMs: MOST_LIFE_MS,
      signal: stop.signal,
    });
    const held: Held = { callerId, coming, stop, wants, uses: 0, callOff: () => {} };
    this.#held.set(key, held);
    // What was not had is asked for anew by the next call.
    coming.catch(() => {
      if (this.#held.get(key) === held) this.#held.delete(key);
    });
    return held;
  }

  async #using<Value>(
    key: string,
    held: Held,
    signal: AbortSignal | undefined,
    work: (lease: SandboxLease) => Promise<Value>,
  ): Promise<Value> {
    held.uses += 1;
    held.callOff();
    try {
      const lease = await waitFor(held.coming, signal);
      return await work(lease);
    } finally {
      held.uses -= 1;
      if (held.uses === 0 && this.#held.get(key) === held) {
        held.callOff = this.#clock.schedule(this.holdMs, () => void this.#end(key));
      }
    }
  }

  async #end(key: string): Promise<void> {
    const held = this.#held.get(key);
    if (held === undefined) return;
    this.#held.delete(key);
    held.callOff();
    held.stop.abort(new LachesisError('cancelled', 'It was released.', { reason: 'RELEASED' }));
    const ending = held.coming.then(
      (lease) => lease.release(),
      () => {},
    );
    this.#ending.add(ending);
    await ending.finally(() => this.#ending.delete(ending));
  }
}

async function waitFor<Value>(
  coming: Promise<Value>,
  signal: AbortSignal | undefined,
): Promise<Value> {
  return signal === undefined ? await coming : await untilAborted(coming, { signal });
}

function checkId(leaseId: string): void {
  if (leaseId.length >= LEAST_ID_LENGTH && leaseId.length <= MOST_ID_LENGTH) return;
  throw invalidInput(
    'lease_id',
    `has ${leaseId.length} characters; ${LEAST_ID_LENGTH} to ${MOST_ID_LENGTH} are needed.`,
    { remedy: 'Use a random UUID: whoever knows it has the sandbox.' },
  );
}

function keyOf(callerId: string, leaseId: string): string {
  return `${callerId} ${leaseId}`;
}

function unknownLease(): LachesisError {
  return new LachesisError('not_found', 'lease_id: no such sandbox of yours.', {
    reason: 'LEASE_UNKNOWN',
    remedy: 'Acquire one; a lease ends when it is released, or not used for its lease_duration.',
    field: 'lease_id',
  });
}
