import type { Duplex } from 'node:stream';
import type { RemoteLink } from '../remote/remote-process.ts';

/** A command's streams on one connection, whose input ends by half of it being closed. */
export function socketLink(socket: Duplex, tell: RemoteLink['tell']): RemoteLink {
  return {
    tell,
    write: (bytes) =>
      new Promise((resolve, reject) => {
        socket.write(bytes, (error) => {
          if (error) reject(error);
          else resolve();
        });
      }),
    closeInput: async () => {
      socket.end();
    },
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    close: () => void socket.destroy(),
  };
}
