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
  readonly #waiting = new WeakMap<Socket, () => void>();

  constructor(quietMs: number) {
    this.#quietMs = quietMs;
  }

  /** A request came: what was written on its connection before is read. */
  heard(request: NodeRequest): void {
    const socket = http1SocketOf(request);
    if (socket !== undefined) this.#waiting.get(socket)?.();
  }

  untilRead(request: NodeRequest): Promise<boolean> {
    const socket = http1SocketOf(request);
    if (socket === undefined) return Promise.resolve(true);
    if (socket.destroyed) return Promise.resolve(socket.errored === null);
    return new Promise((resolve) => {
      const settle = (isRead: boolean): void => {
        clearTimeout(timer);
        socket.off('close', onClose);
        this.#waiting.delete(socket);
        resolve(isRead);
      };
      const onClose = (hadError: boolean): void => settle(!hadError);
      const timer = setTimeout(() => settle(true), this.#quietMs);
      socket.once('close', onClose);
      this.#waiting.set(socket, () => settle(true));
    });
  }
}

function http1SocketOf(request: NodeRequest): Socket | undefined {
  return request.httpVersionMajor === 1 ? request.socket : undefined;
}
