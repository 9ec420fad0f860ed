import type { Socket } from 'node:net';
import type { NodeRequest } from '../../transport/index.ts';

/**
 * Whether the reader of an answer that was written took it, as far as its connection tells: a program
 * that dies, or gives up waiting, with unread bytes resets it. One that stays open and quiet for
 * `quietMs` has read. HTTP/2 and `connection: close` don't tell; there what was written counts as read.
 */
export function untilRead(request: NodeRequest, quietMs: number): Promise<boolean> {
  const socket: Socket | undefined = request.httpVersionMajor === 1 ? request.socket : undefined;
  if (socket === undefined) return Promise.resolve(true);
  if (socket.destroyed) return Promise.resolve(socket.errored === null);
  return new Promise((resolve) => {
    const settle = (isRead: boolean): void => {
      clearTimeout(timer);
      socket.off('close', onClose);
      resolve(isRead);
    };
    const onClose = (hadError: boolean): void => settle(!hadError);
    const timer = setTimeout(() => settle(true), quietMs);
    socket.once('close', onClose);
  });
}
