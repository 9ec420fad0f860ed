import { randomUUID } from 'node:crypto';
import type { ClientChannel } from 'ssh2';
import { startDeadline, untilAborted } from '../../../async/index.ts';
import { LachesisError } from '../../../errors.ts';
import type { KillSignal } from '../remote/wrapper.ts';
import type { SshConnection } from './connection.ts';
import { type HostName, inner, unfitHost } from './faults.ts';
import { keeperLine } from './scripts.ts';
import { sendInput, sentLine } from './send-line.ts';

const TELL_TIMEOUT_MS = 10_000;
const MAX_SAID = 4_096;

export interface KeeperOptions {
  readonly connection: SshConnection;
  readonly name: HostName;
  readonly id: string;
  readonly folder: string;
  readonly lifeSeconds: number;
  readonly tags: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** Our end of the script that keeps one sandbox on its host. */
export class Keeper {
  /** Why it ended; undefined when it did as it should. */
  readonly over: Promise<string | undefined>;
  readonly #channel: ClientChannel;
  readonly #nonce: string;
  readonly #ready = Promise.withResolvers<{ readonly uid: number; readonly root: string }>();
  readonly #untold: (() => void)[] = [];
  #line = '';
  /** What came before it was ready, or of its own accord. */
  #said = '';
  #failed: string | undefined;
  #code: number | undefined;

  private constructor(channel: ClientChannel, nonce: string, lost: Promise<LachesisError>) {
    this.#channel = channel;
    this.#nonce = nonce;
    this.#ready.promise.catch(() => {});
    channel.setEncoding('utf8');
    channel.on('data', (text: string) => this.#take(text));
    channel.stderr.setEncoding('utf8');
    channel.stderr.on('data', (text: string) => this.#note(text));
    channel.once('exit', (code: number | null) => {
      this.#code = code ?? -1;
    });
    const over = Promise.withResolvers<string | undefined>();
    this.over = over.promise;
    channel.once('close', () => {
      const why = this.#failed ?? (this.#said.trim() || `its keeper ended with ${this.#code}`);
      over.resolve(this.#code === 0 ? undefined : why);
      this.#ready.reject(new Error(why));
    });
    void lost.then((error) => {
      over.resolve(inner(error));
      this.#ready.reject(error);
    });
    void this.over.then(() => {
      for (const told of this.#untold.splice(0)) told();
    });
  }

  /** Makes the sandbox. What was made of it is ended by the host when the connection is closed. */
  static async start(
    options: KeeperOptions,
  ): Promise<{ readonly keeper: Keeper; readonly uid: number; readonly root: string }> {
    const { connection, name, id, folder, lifeSeconds, tags, signal } = options;
    const nonce = randomUUID();
    const card = JSON.stringify({ tags });
    const sent = sentLine(keeperLine({ nonce, folder }, { id, lifeSeconds, card }));
    const waiting = { signal };
    const channel = await untilAborted(connection.exec(sent.line), waiting);
    const keeper = new Keeper(channel, nonce, connection.ended);
    sendInput(channel, sent);
    try {
      const { uid, root } = await untilAborted(keeper.#ready.promise, waiting);
      if (keeper.#said.trim() !== '') throw noisyShell(name, keeper.#said);
      return { keeper, uid, root };
    } catch (error) {
      if (signal.aborted || error instanceof LachesisError) throw error;
      const why = (error as Error).message;
      throw unfitHost(name, why, 'It needs Linux, with sh, setsid, coreutils, tar, grep and find.');
    }
  }

  /** Tells a process group there; resolves when it was told, or when nobody is left to tell. */
  async tell(group: string, signal: KillSignal): Promise<void> {
    if (!/^\d+$/.test(group)) return;
    const told = new Promise<void>((resolve) => {
      this.#untold.push(resolve);
    });
    this.#channel.write(`${signal.slice(3)} ${group}\n`);
    using deadline = startDeadline({
      timeoutMs: TELL_TIMEOUT_MS,
      reason: () =>
        new LachesisError('infrastructure_error', 'The host was not heard to end a command.', {
          reason: 'SANDBOX_FAULT',
        }),
    });
    await untilAborted(told, { signal: deadline });
  }

  /** Has it end the sandbox. Resolves with why it did not; undefined when it did. */
  async end(signal: AbortSignal): Promise<string | undefined> {
    this.#channel.end();
    return await untilAborted(this.over, { signal });
  }

  #take(text: string): void {
    const lines = `${this.#line}${text}`.split('\n');
    this.#line = (lines.pop() ?? '').slice(0, MAX_SAID);
    for (const line of lines) {
      if (!line.startsWith(`${this.#nonce} `)) {
        this.#note(`${line}\n`);
        continue;
      }
      const [word = '', ...rest] = line.slice(this.#nonce.length + 1).split(' ');
      if (word === 'told') this.#untold.shift()?.();
      if (word === 'failed') this.#failed = rest.join(' ');
      if (word === 'ready') {
        const [uid = '', ...root] = rest;
        this.#ready.resolve({ uid: Number(uid), root: root.join(' ') });
      }
    }
  }

  #note(text: string): void {
    if (this.#said.length < MAX_SAID) this.#said += text;
  }
}

function noisyShell(name: HostName, said: string): LachesisError {
  const words = JSON.stringify(said.trim().slice(0, 100));
  return unfitHost(
    name,
    `the account's shell says ${words} before each command`,
    'Let its startup file, such as ~/.bashrc, say nothing where it is not interactive.',
  );
}
