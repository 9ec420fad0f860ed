import { fork } from 'node:child_process';
import { once } from 'node:events';
import type {
  ListenerKind,
  ServerStats,
  StartedMessage,
  UnderTestOptions,
} from './child-protocol.ts';

export type { ListenerKind, UnderTestOptions } from './child-protocol.ts';

/** A server in a process of its own, on ephemeral loopback ports. */
export interface UnderTest extends AsyncDisposable {
  /** One port with ours; the stock adapter needs a server for each version. */
  readonly http1Port: number;
  readonly http2Port: number;
  readonly http2Url: string;
  readonly isAlive: boolean;
  stats(): Promise<ServerStats>;
}

/** The server that the acceptance list holds for: what `lachesis serve` starts. */
export function startUnderTest(options: UnderTestOptions = {}): Promise<UnderTest> {
  return listenerUnderTest('serve', options);
}

/** Starts it, or the stock adapter in its place, to show that a defect is there without the kit. */
export async function listenerUnderTest(
  kind: ListenerKind,
  options: UnderTestOptions = {},
): Promise<UnderTest> {
  const file = new URL('./server-child.ts', import.meta.url);
  const child = fork(file, [kind, JSON.stringify(options)], {
    execArgv: ['--conditions=lachesis-source'],
    // A crash prints its stack; that is the point of some tests, not news.
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const exited = once(child, 'exit');
  const isAlive = (): boolean => child.exitCode === null && child.signalCode === null;
  const [started] = (await Promise.race([
    once(child, 'message'),
    exited.then(() => Promise.reject(new Error(`the ${kind} server did not start`))),
  ])) as [StartedMessage];
  return {
    http1Port: started.http1Port,
    http2Port: started.http2Port,
    http2Url: `http://127.0.0.1:${started.http2Port}`,
    get isAlive() {
      return isAlive();
    },
    stats: async () => {
      const answer = once(child, 'message');
      child.send({ type: 'stats' });
      const [stats] = (await answer) as [ServerStats];
      return stats;
    },
    [Symbol.asyncDispose]: async () => {
      if (isAlive()) child.kill('SIGKILL');
      await exited;
    },
  };
}
