import type { Client, ClientChannel } from 'ssh2';
import type { LachesisError } from '../../../errors.ts';
import { signalNumber } from '../../exec/signal-number.ts';
import { connectionLost, type HostName, levelOf } from './faults.ts';

/** A line that runs. */
export interface SshSession {
  readonly channel: ClientChannel;
  /** Resolves with its end as a shell says it: 128 + n for signal n. Never where the session broke off. */
  readonly exited: Promise<number>;
  /** The same, once it is known. */
  exitCode(): number | undefined;
}

/** One connection that is logged in. It never comes back: who needs one after it was lost opens another. */
export class SshConnection {
  /** Resolves once it is lost or closed. */
  readonly ended: Promise<LachesisError>;
  readonly #client: Client;
  readonly #name: HostName;
  #most: number;
  #used = 0;
  #loss: LachesisError | undefined;

  constructor(client: Client, name: HostName, sessions: number) {
    this.#client = client;
    this.#name = name;
    this.#most = sessions;
    this.ended = new Promise((resolve) => {
      let cause: unknown;
      client.on('error', (error) => {
        // Of a connection that stands, each but an agent's is its end, also where its socket says nothing more.
        cause ??= error;
        if (levelOf(error) !== 'agent') client.destroy();
      });
      client.once('close', () => {
        this.#loss ??= connectionLost(this.#name, cause);
        resolve(this.#loss);
      });
    });
  }

  get hasRoom(): boolean {
    return this.#loss === undefined && this.#used < this.#most;
  }

  get isLost(): boolean {
    return this.#loss !== undefined;
  }

  /** Whether the host lets it have no more sessions than stand now; it is not asked for more again. */
  limitToUsed(): boolean {
    this.#most = Math.min(this.#most, this.#used);
    return this.#used > 0;
  }

  /** Runs a line by the account's shell. `onClosed` is told when its session is over. */
  async exec(line: string, onClosed: () => void = () => {}): Promise<SshSession> {
    if (this.#loss !== undefined) throw this.#loss;
    this.#used += 1;
    let isFree = false;
    const free = (): void => {
      if (isFree) return;
      isFree = true;
      this.#used -= 1;
      onClosed();
    };
    try {
      return await new Promise<SshSession>((resolve, reject) => {
        this.#client.exec(line, (error, channel) => {
          if (error) {
            reject(error);
            return;
          }
          // At once: the same packet of the network may hold the end already.
          resolve(watched(channel));
          channel.once('close', free);
          void this.ended.then(free);
        });
      });
    } catch (error) {
      free();
      throw this.#loss ?? error;
    }
  }

  /** Ends it at once: a host that is not there any more would be waited for otherwise. */
  close(): void {
    this.#client.destroy();
  }
}

function watched(channel: ClientChannel): SshSession {
  const exited = Promise.withResolvers<number>();
  let exitCode: number | undefined;
  channel.on('error', () => {});
  channel.stderr.on('error', () => {});
  channel.once('exit', (code: number | null, signal?: string) => {
    exitCode = code ?? 128 + signalNumber(signal ?? 'SIGKILL');
    exited.resolve(exitCode);
  });
  return { channel, exited: exited.promise, exitCode: () => exitCode };
}
