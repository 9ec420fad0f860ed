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

  /** What the workers that are alive can play. */
  environments(nowMs: number): ReadonlySet<string> {
    this.#dropExpired(nowMs);
    return new Set([...this.#workers.values()].flatMap(({ environments }) => environments));
  }

  /** Keeps a worker's lease. Throws `failed_precondition` for one that is not registered, or no longer. */
  keep(id: string, nowMs: number): RegisteredWorker {
    this.#dropExpired(nowMs);
    const worker = this.#workers.get(id);
    if (worker === undefined) {
      throw new LachesisError(
        'failed_precondition',
        `worker_id: no worker "${id}" is registered.`,
        {
          reason: 'WORKER_UNKNOWN',
          remedy: 'Its lease has ended or the server was started anew: register it again.',
          field: 'worker_id',
        },
      );
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
