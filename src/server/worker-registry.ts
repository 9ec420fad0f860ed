import { LachesisError } from '../errors.ts';

/** A worker that registered over the wire; it counts as dead after a lease without a heartbeat. */
export interface RegisteredWorker {
  readonly id: string;
  readonly environments: readonly string[];
  readonly capacity: number;
  readonly expiresMs: number;
}

/** Who works here. Time comes from outside; at most `maxWorkers` are kept. */
export class WorkerRegistry {
  readonly #workers = new Map<string, RegisteredWorker>();
  readonly #leaseMs: number;
  readonly #maxWorkers: number;

  constructor(options: { readonly leaseMs?: number; readonly maxWorkers?: number } = {}) {
    this.#leaseMs = options.leaseMs ?? 30_000;
    this.#maxWorkers = options.maxWorkers ?? 4_096;
  }

  get leaseMs(): number {
    return this.#leaseMs;
  }

  /** Registers a worker, or registers it again with what it says now. */
  register(worker: Omit<RegisteredWorker, 'expiresMs'>, nowMs: number): void {
    this.#dropExpired(nowMs);
    if (!this.#workers.has(worker.id) && this.#workers.size >= this.#maxWorkers) {
      throw new LachesisError('resource_exhausted', `${this.#maxWorkers} workers are registered.`, {
        reason: 'TOO_MANY_WORKERS',
        remedy: 'Stop some, or wait until their leases end.',
        retryAfterMs: this.#leaseMs,
      });
    }
    this.#workers.set(worker.id, { ...worker, expiresMs: nowMs + this.#leaseMs });
  }

  /** Keeps a worker's lease. Throws `not_found` for one that is not registered, or no longer. */
  heartbeat(id: string, nowMs: number): RegisteredWorker {
    this.#dropExpired(nowMs);
    const worker = this.#workers.get(id);
    if (worker === undefined) {
      throw new LachesisError('not_found', `no worker "${id}" is registered.`, {
        reason: 'WORKER_UNKNOWN',
        remedy: 'Its lease may have ended: register it again.',
      });
    }
    const kept = { ...worker, expiresMs: nowMs + this.#leaseMs };
    this.#workers.set(id, kept);
    return kept;
  }

  #dropExpired(nowMs: number): void {
    for (const [id, { expiresMs }] of this.#workers) {
      if (expiresMs <= nowMs) this.#workers.delete(id);
    }
  }
}
