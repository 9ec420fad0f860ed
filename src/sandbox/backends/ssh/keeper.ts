import { randomUUID } from 'node:crypto';
import { startDeadline, untilAborted } from '../../../async/index.ts';
import { LachesisError } from '../../../errors.ts';
import type { KillSignal } from '../remote/wrapper.ts';
import type { SshConnection, SshSession } from './connection.ts';
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
  readonly #channel: SshSession['channel'];
  readonly #nonce: string;
  readonly #ready = Promise.withResolvers<{ readonly uid: number; readonly root: string }>();
  readonly #untold: (() => void)[] = [];
  #line = '';
  /** What came before it was ready, or of its own accord. */
  #said = '';
  #failed: string | undefined;

  private constructor(session: SshSession, nonce: string, lost: Promise<LachesisError>) {
    const { channel } = session;
    this.#channel = channel;
    this.#nonce = nonce;
    this.#ready.promise.catch(() => {});
    channel.setEncoding('utf8');
    channel.on('data', (text: string) => this.#take(text));
    channel.stderr.setEncoding('utf8');
    channel.stderr.on('data', (text: string) => this.#note(text));
    const over = Promise.withResolvers<string | undefined>();
    this.over = over.promise;
    channel.once('close', () => {
      const code = session.exitCode();
      const why = this.#failed ?? (this.#said.trim() || `its keeper ended with ${code}`);
      over.resolve(code === 0 ? undefined : why);
      this.#ready.reject(new Error(why));
    });
    void lost.then((error) => {
      over.resolve(inner(error));
      this.#ready.reject(error);
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
    const session = await untilAborted(connection.exec(sent.line), waiting);
    const keeper = new Keeper(session, nonce, connection.ended);
    sendInput(session.channel, sent);
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
    if (/^\d+$/.test(group)) await this.#ask(`${signal.slice(3)} ${group}`);
  }

  /** Resolves when it was heard, or is over. */
  async ping(): Promise<void> {
    await this.#ask('PING 0');
  }

  async #ask(line: string): Promise<void> {
    const told = new Promise<void>((resolve) => {
      this.#untold.push(resolve);
    });
    this.#channel.write(`${line}\n`);
    using deadline = startDeadline({
      timeoutMs: TELL_TIMEOUT_MS,
      reason: () =>
        new LachesisError('infrastructure_error', 'The host does not answer.', {
          reason: 'SANDBOX_FAULT',
        }),
    });
    await untilAborted(Promise.race([told, this.over]), { signal: deadline });
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
