import { pause, untilAborted } from '../async/index.ts';
import { type LachesisClient, lachesisErrorOf } from '../client/index.ts';
import { LachesisError } from '../errors.ts';

/** Told when it changes, so once for an outage however often a connection is tried in it. */
export type LinkState =
  | { readonly kind: 'connected'; readonly address: string }
  | { readonly kind: 'waiting'; readonly error: LachesisError }
  /** Waiting would not help. */
  | { readonly kind: 'failed'; readonly error: LachesisError };

export interface ServerLinkOptions {
  /** Makes a connection, and rejects when the server does not answer. */
  readonly connect: (signal: AbortSignal) => Promise<LachesisClient>;
  /** Runs on every new connection before anybody has it, and whenever the server does not know us any more. */
  readonly greet: (client: LachesisClient, signal: AbortSignal) => Promise<void>;
  readonly onState?: (state: LinkState) => void;
  /** Failures to connect that waiting does not mend, beside those that never do. Default: none. */
  readonly isFatal?: (error: LachesisError) => boolean;
  /** Pauses between attempts: the first, and the longest they grow to. Default: 200 ms, 5 s. */
  readonly firstRetryMs?: number;
  readonly maxRetryMs?: number;
  /** In [0, 1), for tests. */
  readonly random?: () => number;
}

/** Errors that another connection may not meet. */
const PASSING: ReadonlySet<string> = new Set([
  'infrastructure_error',
  'deadline_exceeded',
  // As a call says it whose connection was given up under it.
  'cancelled',
  // A server that was started anew has new tokens, which the next connection finds.
  'unauthenticated',
  // No server of this user runs here yet.
  'not_found',
]);

/** Why a connection can't be had, however long one waits. */
const FATAL: ReadonlySet<string> = new Set([
  'invalid_input',
  'permission_denied',
  'unimplemented',
  'already_exists',
]);

/**
 * A connection to a server that may be away: made when it is needed, made anew when it breaks, for as
 * long as it takes. All that comes of what is tried twice is that it is done once: only such calls may
 * go over it.
 */
export class ServerLink implements AsyncDisposable {
  readonly #options: ServerLinkOptions;
  readonly #closing = new AbortController();
  #client: LachesisClient | undefined;
  #opening: Promise<LachesisClient> | undefined;
  #failures = 0;
  #told: LinkState['kind'] | undefined;

  constructor(options: ServerLinkOptions) {
    this.#options = options;
  }

  /** The connection, once the server answers. Rejects when it never will, or `signal` fires. */
  client(signal: AbortSignal): Promise<LachesisClient> {
    signal.throwIfAborted();
    if (this.#client !== undefined) return Promise.resolve(this.#client);
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    // Others may wait for it too.
    this.#opening.catch(() => {});
    return untilAborted(this.#opening, { signal });
  }

  /** Calls, on one connection after the other until one does not break. */
  async call<Value>(
    signal: AbortSignal,
    run: (client: LachesisClient) => Promise<Value>,
  ): Promise<Value> {
    for (;;) {
      const client = await this.client(signal);
      try {
        return await this.#run(client, run);
      } catch (thrown) {
        signal.throwIfAborted();
        if (!(await this.#mend(client, thrown))) throw lachesisErrorOf(thrown);
      }
    }
  }

  /** Calls once, on the connection there is. */
  async callNow<Value>(run: (client: LachesisClient) => Promise<Value>): Promise<Value> {
    const client = this.#client;
    if (client === undefined) {
      throw new LachesisError('infrastructure_error', 'the server is away.', {
        reason: 'SERVER_AWAY',
      });
    }
    try {
      return await this.#run(client, run);
    } catch (thrown) {
      await this.#mend(client, thrown);
      throw lachesisErrorOf(thrown);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(
      new LachesisError('cancelled', 'the link is closed.', { reason: 'CLOSED' }),
    );
    await this.#opening?.catch(() => {});
    await this.#client?.[Symbol.asyncDispose]();
  }

  async #run<Value>(
    client: LachesisClient,
    run: (client: LachesisClient) => Promise<Value>,
  ): Promise<Value> {
    const value = await run(client);
    this.#failures = 0;
    return value;
  }

  /** True when the call may be made again. */
  async #mend(client: LachesisClient, thrown: unknown): Promise<boolean> {
    if (this.#closing.signal.aborted) return false;
    const error = lachesisErrorOf(thrown);
    if (isReplaced(error)) this.#tell({ kind: 'failed', error });
    if (error.reason === 'WORKER_UNKNOWN') {
      try {
        await this.#options.greet(client, this.#closing.signal);
        return true;
      } catch (failure) {
        this.#drop(client);
        return isPassing(lachesisErrorOf(failure));
      }
    }
    if (!isPassing(error)) return false;
    this.#drop(client);
    return true;
  }

  #drop(client: LachesisClient): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#failures += 1;
    void client[Symbol.asyncDispose]();
  }

  async #open(): Promise<LachesisClient> {
    const {
      connect,
      greet,
      firstRetryMs = 200,
      maxRetryMs = 5_000,
      random = Math.random,
    } = this.#options;
    const { signal } = this.#closing;
    for (;;) {
      if (this.#failures > 0) {
        const boundMs = Math.min(maxRetryMs, firstRetryMs * 2 ** Math.min(this.#failures - 1, 16));
        await pause(boundMs * (0.5 + random() / 2), signal);
      }
      signal.throwIfAborted();
      try {
        const client = await this.#connected(connect, greet, signal);
        this.#client = client;
        this.#tell({ kind: 'connected', address: client.address });
        return client;
      } catch (thrown) {
        signal.throwIfAborted();
        const error = lachesisErrorOf(thrown);
        if (FATAL.has(error.kind) || isReplaced(error) || this.#options.isFatal?.(error) === true) {
          this.#tell({ kind: 'failed', error });
          throw error;
        }
        this.#failures += 1;
        this.#tell({ kind: 'waiting', error });
      }
    }
  }

  async #connected(
    connect: ServerLinkOptions['connect'],
    greet: ServerLinkOptions['greet'],
    signal: AbortSignal,
  ): Promise<LachesisClient> {
    const client = await connect(signal);
    try {
      await greet(client, signal);
      return client;
    } catch (error) {
      await client[Symbol.asyncDispose]();
      throw error;
    }
  }

  #tell(state: LinkState): void {
    if (state.kind === this.#told) return;
    this.#told = state.kind;
    this.#options.onState?.(state);
  }
}

/** Not for a thing that a call did not find, but for a server that is not there. */
function isPassing({ kind, reason }: LachesisError): boolean {
  return PASSING.has(kind) && (kind !== 'not_found' || reason === 'NO_SERVER');
}

/** Another has our id now, and goes on where we were. */
function isReplaced({ reason }: LachesisError): boolean {
  return reason === 'WORKER_REPLACED';
}
