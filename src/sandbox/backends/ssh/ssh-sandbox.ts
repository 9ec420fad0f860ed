import { randomUUID } from 'node:crypto';
import { untilAborted } from '../../../async/index.ts';
import type { LachesisError } from '../../../errors.ts';
import type { Command, SandboxProcess } from '../../contract/command.ts';
import { sandboxFault, sandboxGone } from '../../contract/faults.ts';
import type { SandboxCore } from '../../exec/complete-sandbox.ts';
import { untilStarted } from '../../exec/until-started.ts';
import type { RemoteProcess } from '../remote/remote-process.ts';
import { shellText, wrapCommand } from '../remote/wrapper.ts';
import type { SshDialer } from './dialer.ts';
import { inner } from './faults.ts';
import { Keeper } from './keeper.ts';
import { MARKER } from './scripts.ts';
import { sendInput, sentLine } from './send-line.ts';
import { SessionPool } from './session-pool.ts';
import { adoptSession } from './ssh-process.ts';

const END_TIMEOUT_MS = 15_000;

export interface SshSandboxOptions {
  readonly dialer: SshDialer;
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
  readonly lifeSeconds: number;
  readonly connections: number;
  /** Ends it by a connection of its own; for when its own are lost. */
  readonly endFromOutside: (id: string) => Promise<void>;
  readonly onEnd: (sandbox: SshSandbox) => void;
  readonly signal: AbortSignal;
}

/** A folder of its own on the host, with its own connections. It is gone with any of them. */
export class SshSandbox implements SandboxCore {
  readonly id: string;
  readonly backend = 'ssh';
  readonly isolation = 'process';
  readonly workdir: string;
  /** Of the account that its commands run as. */
  readonly uid: number;
  readonly #options: SshSandboxOptions;
  readonly #keeper: Keeper;
  readonly #sessions: SessionPool;
  readonly #env: Readonly<Record<string, string>>;
  readonly #running = new Set<RemoteProcess>();
  #started = 0;
  #gone: LachesisError | undefined;

  private constructor(
    id: string,
    made: Awaited<ReturnType<typeof Keeper.start>>,
    sessions: (onLost: (error: LachesisError) => void) => SessionPool,
    options: SshSandboxOptions,
  ) {
    const { keeper, root, uid } = made;
    this.id = id;
    this.uid = uid;
    this.workdir = `${root}/workspace`;
    this.#options = options;
    this.#keeper = keeper;
    this.#sessions = sessions((error) => this.#markGone(sandboxGone(id, inner(error), error)));
    this.#env = {
      ...{ HOME: `${root}/home`, TMPDIR: `${root}/tmp`, TERM: 'dumb', PAGER: 'cat' },
      ...{ GIT_TERMINAL_PROMPT: '0', DEBIAN_FRONTEND: 'noninteractive' },
      ...options.env,
    };
    void keeper.over.then((why) => this.#markGone(sandboxGone(id, why ?? 'its time is over')));
  }

  static async create(options: SshSandboxOptions): Promise<SshSandbox> {
    const { dialer, signal, folder, lifeSeconds, tags } = options;
    const id = `ssh-${randomUUID()}`;
    const connection = await untilAborted(dialer.dial(signal), {
      signal,
      onLate: (late) => late.close(),
    });
    try {
      const { name } = dialer;
      const made = await Keeper.start({ connection, name, id, folder, lifeSeconds, tags, signal });
      signal.throwIfAborted();
      const dial = (ending: AbortSignal) => dialer.dial(ending);
      const most = options.connections;
      return new SshSandbox(
        id,
        made,
        (onLost) => new SessionPool({ first: connection, most, dial, onLost }),
        options,
      );
    } catch (error) {
      // The keeper, if there is one, sees its input end, and ends what it made.
      connection.close();
      throw error;
    }
  }

  async start(command: Command, signal: AbortSignal | undefined): Promise<SandboxProcess> {
    if (this.#gone !== undefined) throw this.#gone;
    return await untilStarted(this.#start(command, signal), signal);
  }

  terminate(): Promise<void> {
    return this.end('it was terminated');
  }

  async end(why: string): Promise<void> {
    const wasGone = this.#gone !== undefined;
    this.#markGone(sandboxGone(this.id, why), false);
    try {
      if (!wasGone && (await this.#endByKeeper())) return;
      await this.#options.endFromOutside(this.id);
    } catch (error) {
      throw sandboxFault(`Sandbox ${this.id} could not be ended`, error);
    } finally {
      this.#sessions.close(this.#gone);
    }
  }

  async #endByKeeper(): Promise<boolean> {
    const signal = AbortSignal.timeout(END_TIMEOUT_MS);
    return await this.#keeper.end(signal).then(
      (why) => why === undefined,
      () => false,
    );
  }

  async #start(command: Command, signal: AbortSignal | undefined): Promise<RemoteProcess> {
    const { argv, cwd = this.workdir, env = {}, stdin } = command;
    const input = stdin === undefined ? 'none' : 'open';
    const variables = { ...this.#env, ...env, [MARKER]: this.id };
    const sent = sentLine(shellText(wrapCommand({ argv, cwd, env: variables, input })));
    this.#started += 1;
    const id = `${this.id}/${this.#started}`;
    const session = await this.#sessions.open(sent.line, signal).catch(async (error: unknown) => {
      if (signal?.aborted === true) throw error;
      throw await this.#explain('The command could not be started', error);
    });
    const process = adoptSession(session, {
      id,
      tell: async (group, which) => {
        if (this.#gone === undefined) await this.#keeper.tell(group, which);
      },
      explain: () => this.#explain('The command was lost', new Error('its session was closed')),
      doubt: () => this.#doubt(),
    });
    sendInput(session.channel, sent);
    if (stdin === undefined) session.channel.end();
    if (this.#gone !== undefined) {
      process.fail(this.#gone);
      return process;
    }
    this.#running.add(process);
    void process.exited.catch(() => {}).finally(() => this.#running.delete(process));
    void process.feed(stdin);
    return process;
  }

  /** A sandbox that is ended by others ends its commands first, and is known to be gone by its keeper. */
  async #doubt(): Promise<Error | undefined> {
    try {
      await this.#keeper.ping();
    } catch (error) {
      return this.#gone ?? sandboxFault('Whether the sandbox still lives is not known', error);
    }
    return this.#gone;
  }

  async #explain(what: string, error: unknown): Promise<LachesisError> {
    // A connection that is lost tells its sessions first.
    await new Promise((resolve) => setImmediate(resolve));
    return this.#gone ?? sandboxFault(what, error);
  }

  /** `closing`: also ends its connections, and so whatever the host still keeps of it. */
  #markGone(error: LachesisError, closing = true): void {
    if (this.#gone !== undefined) return;
    this.#gone = error;
    for (const process of this.#running) process.fail(error);
    this.#running.clear();
    this.#options.onEnd(this);
    if (closing) this.#sessions.close(error);
  }
}
