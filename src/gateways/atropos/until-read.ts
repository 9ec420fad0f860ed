import type { Socket } from 'node:net';
import type { NodeRequest } from '../../transport/index.ts';

/**
 * Whether the reader of an answer that was written took it, as far as its connection tells: a program
 * that dies, or gives up waiting, with unread bytes resets it. One that asks for something else, or stays
 * open and quiet for a while, has read. HTTP/2 and `connection: close` don't tell; there what was written
 * counts as read.
 */
export class Readers {
  readonly #quietMs: number;
  readonly #waiting = new WeakMap<Socket, { settle: () => void; done: Promise<void> }>();

  constructor(quietMs: number) {
    this.#quietMs = quietMs;
  }

  /** A request came: what was written on its connection before is read. Resolves when that was dealt with. */
  async heard(request: NodeRequest): Promise<void> {
    const socket = http1SocketOf(request);
    const waiting = socket && this.#waiting.get(socket);
    waiting?.settle();
    await waiting?.done;
  }

  /** Calls `then` when it is known, and resolves with it. */
  async untilRead(request: NodeRequest, then: (isRead: boolean) => Promise<void>): Promise<void> {
    const socket = http1SocketOf(request);
    if (socket === undefined) return await then(true);
    if (socket.destroyed) return await then(socket.errored === null);
    const known = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => known.resolve(true), this.#quietMs);
    const onClose = (hadError: boolean): void => known.resolve(!hadError);
    socket.once('close', onClose);
    const done = known.promise.then((isRead) => {
      clearTimeout(timer);
      socket.off('close', onClose);
      return then(isRead);
    });
    const waiting = { settle: () => known.resolve(true), done };
    this.#waiting.set(socket, waiting);
    try {
      await done;
    } finally {
      if (this.#waiting.get(socket) === waiting) this.#waiting.delete(socket);
    }
  }
}

function http1SocketOf(request: NodeRequest): Socket | undefined {
  return request.httpVersionMajor === 1 ? request.socket : undefined;
}
