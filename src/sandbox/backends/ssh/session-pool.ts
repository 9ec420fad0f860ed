import { untilAborted } from '../../../async/index.ts';
import type { LachesisError } from '../../../errors.ts';
import type { SshConnection, SshSession } from './connection.ts';
import { sessionRefused } from './faults.ts';

const never = new AbortController().signal;

/** The connections of one sandbox: as many as its sessions at a time need, within bounds. */
export class SessionPool {
  readonly #connections: SshConnection[];
  readonly #most: number;
  readonly #dial: (signal: AbortSignal) => Promise<SshConnection>;
  readonly #onLost: (error: LachesisError) => void;
  readonly #ending = new AbortController();
  readonly #waiting: (() => void)[] = [];
  #dialing: Promise<void> | undefined;

  constructor(options: {
    readonly first: SshConnection;
    readonly most: number;
    readonly dial: (signal: AbortSignal) => Promise<SshConnection>;
    readonly onLost: (error: LachesisError) => void;
  }) {
    this.#connections = [];
    this.#most = options.most;
    this.#dial = options.dial;
    this.#onLost = options.onLost;
    this.#add(options.first);
  }

  /** Starts a line in a session of its own. Waits for one where all are taken. */
  async open(line: string, signal: AbortSignal = never): Promise<SshSession> {
    for (;;) {
      this.#ending.signal.throwIfAborted();
      signal.throwIfAborted();
      const connection = this.#connections.find(({ hasRoom }) => hasRoom);
      if (connection === undefined) {
        await this.#room(signal);
        continue;
      }
      try {
        return await connection.exec(line, () => this.#wake());
      } catch (error) {
        if (connection.isLost) throw error;
        // A host that lets a connection have fewer than was thought has others bear the rest.
        const isFull = (error as { readonly reason?: unknown }).reason !== undefined;
        if (!isFull || !connection.limitToUsed()) throw sessionRefused(error);
      }
    }
  }

  close(reason: unknown): void {
    if (this.#ending.signal.aborted) return;
    this.#ending.abort(reason);
    for (const wake of this.#waiting.splice(0)) wake();
    for (const connection of this.#connections) connection.close();
  }

  /** Until there may be room: a connection more, or a session less. */
  async #room(signal: AbortSignal): Promise<void> {
    if (this.#connections.length < this.#most) {
      this.#dialing ??= this.#another().finally(() => {
        this.#dialing = undefined;
      });
      return await untilAborted(this.#dialing, { signal });
    }
    const turn = Promise.withResolvers<void>();
    this.#waiting.push(turn.resolve);
    await untilAborted(turn.promise, { signal }).catch((error: unknown) => {
      const at = this.#waiting.indexOf(turn.resolve);
      // One that was woken and goes passes it on.
      if (at >= 0) this.#waiting.splice(at, 1);
      else this.#wake();
      throw error;
    });
  }

  async #another(): Promise<void> {
    const connection = await this.#dial(this.#ending.signal);
    if (this.#ending.signal.aborted) connection.close();
    else this.#add(connection);
  }

  #add(connection: SshConnection): void {
    this.#connections.push(connection);
    void connection.ended.then((error) => {
      if (!this.#ending.signal.aborted) this.#onLost(error);
    });
  }

  #wake(): void {
    this.#waiting.shift()?.();
  }
}
