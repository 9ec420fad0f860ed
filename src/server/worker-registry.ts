import { LachesisError } from '../errors.ts';

/** A worker that registered over the wire; it counts as dead after a lease without a heartbeat. */
export interface RegisteredWorker {
  readonly id: string;
  readonly environments: readonly string[];
  readonly capacity: number;
  /** One start of the worker; empty where it does not tell its starts apart. */
  readonly session: string;
  readonly expiresMs: number;
  /** Fires when another session takes its place. */
  readonly replaced: AbortSignal;
}

/** A registration: what a worker says of itself. */
export type Registration = Omit<RegisteredWorker, 'expiresMs' | 'replaced'>;

interface Entry extends RegisteredWorker {
  readonly controller: AbortController;
}

/** Replaced sessions that are told so; one that was forgotten would take its place back. */
const MAX_REPLACED = 4_096;

/** Who works here. Time comes from outside; at most `maxWorkers` are kept. */
export class WorkerRegistry {
  readonly #workers = new Map<string, Entry>();
  /** As `id session`. */
  readonly #replaced = new Set<string>();
  readonly #leaseMs: number;
  readonly #maxWorkers: number;

  constructor(options: { readonly leaseMs?: number; readonly maxWorkers?: number } = {}) {
    this.#leaseMs = options.leaseMs ?? 30_000;
    this.#maxWorkers = options.maxWorkers ?? 4_096;
  }

  get leaseMs(): number {
    return this.#leaseMs;
  }

  /**
   * Registers a worker, or registers it again with what it says now. True when it took the place of
   * another session, which is told so from then on, whatever it asks. Throws `failed_precondition` for
   * one whose place was taken.
   */
  register(worker: Registration, nowMs: number): boolean {
    this.#dropExpired(nowMs);
    const { id, session } = worker;
    if (this.#replaced.has(`${id} ${session}`)) throw workerReplaced(id);
    const before = this.#workers.get(id);
    if (before === undefined && this.#workers.size >= this.#maxWorkers) {
      throw new LachesisError('resource_exhausted', `${this.#maxWorkers} workers are registered.`, {
        reason: 'TOO_MANY_WORKERS',
        remedy: 'Stop some, or wait until their leases end.',
        retryAfterMs: this.#leaseMs,
      });
    }
    const isSame = before?.session === session;
    const controller = isSame ? before.controller : new AbortController();
    const expiresMs = nowMs + this.#leaseMs;
    this.#workers.set(id, { ...worker, expiresMs, controller, replaced: controller.signal });
    if (before === undefined || isSame) return false;
    this.#rememberReplaced(before);
    before.controller.abort(workerReplaced(id));
    return true;
  }

  /** What the workers that are alive can play. */
  environments(nowMs: number): ReadonlySet<string> {
    this.#dropExpired(nowMs);
    return new Set([...this.#workers.values()].flatMap(({ environments }) => environments));
  }

  /** Keeps a worker's lease. Throws `failed_precondition` for one that is not registered, or no longer. */
  keep({ id, session }: Pick<Registration, 'id' | 'session'>, nowMs: number): RegisteredWorker {
    this.#dropExpired(nowMs);
    const worker = this.#workers.get(id);
    const isReplaced = worker !== undefined && session !== '' && worker.session !== session;
    if (isReplaced || this.#replaced.has(`${id} ${session}`)) throw workerReplaced(id);
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

  /** One that gives no session can't be told from the next. */
  #rememberReplaced({ id, session }: Entry): void {
    if (session === '') return;
    this.#replaced.add(`${id} ${session}`);
    if (this.#replaced.size <= MAX_REPLACED) return;
    // A set keeps the order of adding.
    const [oldest = ''] = this.#replaced;
    this.#replaced.delete(oldest);
  }

  #dropExpired(nowMs: number): void {
    for (const [id, { expiresMs }] of this.#workers) {
      if (expiresMs <= nowMs) this.#workers.delete(id);
    }
  }
}

function workerReplaced(id: string): LachesisError {
  const message = `worker_id: another worker registered as "${id}" and took its place.`;
  return new LachesisError('failed_precondition', message, {
    reason: 'WORKER_REPLACED',
    remedy: 'Give each worker an id of its own, or none.',
    field: 'worker_id',
  });
}
