import { createConnection, createServer, type Server, type Socket } from 'node:net';

/** A relay on loopback whose connections can fail as those of a network do. */
export interface TcpProxy extends AsyncDisposable {
  readonly port: number;
  readonly address: string;
  /** Connections that stand. */
  readonly connections: number;
  /** Ends all connections at once. */
  cut(): void;
  /** Ends the connection that carries so many more bytes from (`down`) or to (`up`) the server, once. */
  cutAfter(bytes: number, way: 'down' | 'up'): void;
  /** Forwards nothing more of the connections that stand, either way, and closes none: a peer that is gone without a word. */
  freeze(): void;
  /** Where later connections lead. */
  leadTo(port: number): void;
}

export async function tcpProxy(port: number): Promise<TcpProxy> {
  let target = port;
  const pairs = new Set<{ readonly near: Socket; readonly far: Socket; frozen: boolean }>();
  let budget: { left: number; readonly way: 'down' | 'up' } | undefined;
  const server: Server = createServer((near) => {
    const far = createConnection({ host: '127.0.0.1', port: target });
    const pair = { near, far, frozen: false };
    pairs.add(pair);
    const end = (): void => {
      // A frozen peer says nothing, not even goodbye; whoever is left closes by itself.
      if (pair.frozen && !(near.destroyed && far.destroyed)) return;
      pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    const forward = (from: Socket, to: Socket, way: 'down' | 'up'): void => {
      from.on('error', () => {});
      from.on('close', end);
      from.on('data', (data) => {
        if (pair.frozen) return;
        if (budget?.way === way) {
          budget.left -= data.length;
          if (budget.left < 0) {
            budget = undefined;
            // Part of it arrives: a frame is cut in its middle.
            to.write(data.subarray(0, data.length >> 1), () => {
              near.destroy();
              far.destroy();
            });
            return;
          }
        }
        if (!to.write(data)) {
          from.pause();
          to.once('drain', () => from.resume());
        }
      });
    };
    forward(near, far, 'up');
    forward(far, near, 'down');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = (): void => {
    for (const { near, far } of pairs) {
      near.destroy();
      far.destroy();
    }
  };
  const { port: own } = server.address() as { port: number };
  return {
    port: own,
    address: `http://127.0.0.1:${own}`,
    get connections() {
      return pairs.size;
    },
    cut,
    cutAfter: (bytes, way) => {
      budget = { left: bytes, way };
    },
    freeze: () => {
      for (const pair of pairs) pair.frozen = true;
    },
    leadTo: (port) => {
      target = port;
    },
    [Symbol.asyncDispose]: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
