import { Code, ConnectError } from '@connectrpc/connect';

export interface HeldLeasesOptions {
  /** How long a lease lasts unless it is extended, which is done three times in it; Infinity for never. */
  readonly leaseMs: number;
  readonly extend: (batchId: string, delivery: number, signal: AbortSignal) => Promise<void>;
}

/** Keeps the leases of the batches that a consumer holds, until it is disposed of. */
export class HeldLeases implements Disposable {
  readonly #extend: HeldLeasesOptions['extend'];
  /** The delivery of each batch that is held. */
  readonly #held = new Map<string, number>();
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #closing = new AbortController();

  constructor({ leaseMs, extend }: HeldLeasesOptions) {
    this.#extend = extend;
    if (leaseMs > 0 && leaseMs !== Infinity) {
      this.#timer = setInterval(() => this.#extendAll(), Math.max(100, leaseMs / 3));
      // A trainer that is done may exit without giving its last batch back.
      this.#timer.unref();
    }
  }

  hold(batchId: string, delivery: number): void {
    this.#held.set(batchId, delivery);
  }

  /** Of that delivery; a later one is held on. */
  release(batchId: string, delivery: number): void {
    if (this.#held.get(batchId) === delivery) this.#held.delete(batchId);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#closing.abort();
    this.#held.clear();
  }

  #extendAll(): void {
    for (const [batchId, delivery] of this.#held) {
      this.#extend(batchId, delivery, this.#closing.signal).catch((error: unknown) => {
        // A server that is away for a moment still counts the lease. One that is gone shows at the
        // ack, where the caller can act on it.
        if (!isPassing(error)) this.release(batchId, delivery);
      });
    }
  }
}

function isPassing(error: unknown): boolean {
  if (!(error instanceof ConnectError)) return false;
  return error.code === Code.Unavailable || error.code === Code.DeadlineExceeded;
}
