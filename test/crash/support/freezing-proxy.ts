import { once } from 'node:events';
import { createConnection, createServer, type Socket } from 'node:net';

/** Stands before a server, and can fall silent as a pulled cable does: nothing passes, nothing is closed. */
export interface FreezingProxy extends AsyncDisposable {
  readonly address: string;
  freeze(): void;
  /** What was held back passes. */
  thaw(): void;
}

export async function freezingProxy(port: number): Promise<FreezingProxy> {
  const sockets = new Set<Socket>();
  let isFrozen = false;
  const held: (() => void)[] = [];
  const pass = (work: () => void): void => {
    if (isFrozen) held.push(work);
    else work();
  };
  const server = createServer((near) => {
    const far = createConnection({ host: '127.0.0.1', port });
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('data', (bytes) => pass(() => to.write(bytes)));
      from.on('error', () => {});
      from.on('close', () => pass(() => to.destroy()));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return {
    address: `http://127.0.0.1:${address.port}`,
    freeze: () => {
      isFrozen = true;
    },
    thaw: () => {
      isFrozen = false;
      for (const work of held.splice(0)) work();
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
