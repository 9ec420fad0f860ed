import { Code, ConnectError } from '@connectrpc/connect';

export interface HeldLeasesOptions {
  /** How long a lease lasts unless it is extended, which is done three times in it; Infinity for never. */
  readonly leaseMs: number;
  readonly extend: (batchId: string, signal: AbortSignal) => Promise<void>;
}

/** Keeps the leases of the batches that a consumer holds, until it is disposed of. */
export class HeldLeases implements Disposable {
  readonly #extend: HeldLeasesOptions['extend'];
  readonly #held = new Set<string>();
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

  hold(batchId: string): void {
    this.#held.add(batchId);
  }

  release(batchId: string): void {
    this.#held.delete(batchId);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#closing.abort();
    this.#held.clear();
  }

  #extendAll(): void {
    for (const batchId of this.#held) {
      this.#extend(batchId, this.#closing.signal).catch((error: unknown) => {
        // A server that is away for a moment still counts the lease. One that is gone shows at the
        // ack, where the caller can act on it.
        if (!isPassing(error)) this.#held.delete(batchId);
      });
    }
  }
}

function isPassing(error: unknown): boolean {
  if (!(error instanceof ConnectError)) return false;
  return error.code === Code.Unavailable || error.code === Code.DeadlineExceeded;
}
