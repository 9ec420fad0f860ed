import type { Duplex } from 'node:stream';
import type { Container, Exec } from 'dockerode';
import { systemClock } from '../../../async/index.ts';
import { LachesisError } from '../../../errors.ts';
import type { Command, SandboxProcess } from '../../contract/command.ts';
import { sandboxGone } from '../../contract/faults.ts';
import type { IsolationLevel } from '../../contract/isolation.ts';
import type { SandboxStatus, TransferOptions } from '../../contract/sandbox.ts';
import type { SandboxCore } from '../../exec/complete-sandbox.ts';
import { outputText } from '../../exec/output-text.ts';
import { runCommand } from '../../exec/run-command.ts';
import { untilStarted } from '../../exec/until-started.ts';
import { RemoteProcess } from '../remote/remote-process.ts';
import { type KillSignal, tellGroup, wrapCommand } from '../remote/wrapper.ts';
import { containerGone, dockerFault, statusOf } from './faults.ts';
import { FrameReader } from './frames.ts';
import { socketLink } from './socket-link.ts';

const CALL_TIMEOUT_MS = 30_000;
/** Between looks at whether a command has ended, while its output goes on. */
const FIRST_LOOK_MS = 30;
const LAST_LOOK_MS = 500;

/** What our commands need of an image. What needs bash says so itself. */
const NEEDED = `for tool in setsid tar stat; do
  command -v "$tool" >/dev/null || { echo "it has no $tool"; exit 1; }
done`;

/** One container, in which every command is an exec of the daemon's. */
export class DockerSandbox implements SandboxCore {
  readonly id: string;
  readonly backend = 'docker';
  readonly isolation: IsolationLevel;
  readonly workdir: string;
  readonly #container: Container;
  readonly #env: Readonly<Record<string, string>>;
  readonly #onEnd: () => void;
  readonly #running = new Set<RemoteProcess>();
  #gone: LachesisError | undefined;

  constructor(options: {
    readonly container: Container;
    readonly isolation: IsolationLevel;
    readonly workdir: string;
    readonly env: Readonly<Record<string, string>>;
    readonly onEnd: () => void;
  }) {
    this.id = options.container.id;
    this.isolation = options.isolation;
    this.workdir = options.workdir;
    this.#container = options.container;
    this.#env = options.env;
    this.#onEnd = options.onEnd;
  }

  /** Refuses an image in which our commands could not run. */
  async prepare(signal: AbortSignal): Promise<void> {
    const command: Command = { argv: ['sh', '-c', NEEDED], cwd: '/' };
    const result = await runCommand(() => this.start(command, signal), {
      ...{ signal, timeoutMs: CALL_TIMEOUT_MS },
    });
    signal.throwIfAborted();
    if (result.exitCode === 0) return;
    // Without `setsid` or `sh` nothing of ours could say so: they are what runs a command.
    const why = outputText(result.stdout).trim() || 'it has no sh or no setsid';
    throw new LachesisError('failed_precondition', `The image can not be used: ${why}.`, {
      reason: 'SANDBOX_IMAGE',
      remedy: 'Use one with sh, setsid of util-linux, tar and coreutils, such as Debian.',
    });
  }

  async start(command: Command, signal: AbortSignal | undefined): Promise<SandboxProcess> {
    if (this.#gone !== undefined) throw this.#gone;
    const work = this.#start(command);
    return await untilStarted(work, signal);
  }

  async status({ signal }: TransferOptions = {}): Promise<SandboxStatus> {
    signal?.throwIfAborted();
    return (await this.#lives()) ? 'running' : 'gone';
  }

  terminate(): Promise<void> {
    return this.end('it was terminated');
  }

  async end(why: string): Promise<void> {
    this.#markGone(sandboxGone(this.id, why));
    await removeContainer(this.#container);
  }

  async #start(command: Command): Promise<RemoteProcess> {
    const { argv, cwd = this.workdir, env = {}, stdin } = command;
    const hasInput = stdin !== undefined;
    const input = stdin === undefined ? 'none' : stdin === 'open' ? 'open' : 'drained';
    let exec: Exec;
    let socket: Duplex;
    try {
      exec = await this.#container.exec({
        AttachStdin: hasInput,
        AttachStdout: true,
        AttachStderr: true,
        WorkingDir: '/',
        Cmd: wrapCommand({ argv, cwd, env: { ...this.#env, ...env }, input }),
      });
      socket = await exec.start({ hijack: true, stdin: hasInput });
    } catch (error) {
      throw await this.#explain('The command could not be started', error);
    }
    const process = new RemoteProcess(
      exec.id,
      socketLink(socket, (group, signal) => this.#tell(group, signal)),
    );
    const frames = new FrameReader((stream, bytes) => process.receive(stream, bytes));
    const closed = Promise.withResolvers<void>();
    socket.on('data', (bytes: Buffer) => frames.push(bytes));
    // What broke it is known by the command's end, if by anything.
    socket.on('error', () => {});
    const onOver = (): void => {
      process.endOutput();
      closed.resolve();
    };
    socket.once('end', onOver);
    socket.once('close', onOver);
    if (this.#gone !== undefined) {
      process.fail(this.#gone);
      return process;
    }
    this.#running.add(process);
    void process.exited.catch(() => {}).finally(() => this.#running.delete(process));
    void this.#watch(exec, process, closed.promise);
    void process.feed(stdin);
    return process;
  }

  /** Until it has ended: by its stream's end, or by looking, since what it left behind may hold the stream. */
  async #watch(exec: Exec, process: RemoteProcess, closed: Promise<void>): Promise<void> {
    let lookMs = FIRST_LOOK_MS;
    let isClosed = false;
    void closed.then(() => {
      isClosed = true;
    });
    try {
      while (!process.hasEnded) {
        await Promise.race([closed, elapsed(lookMs)]);
        const { Running, ExitCode } = await exec.inspect({
          abortSignal: AbortSignal.timeout(CALL_TIMEOUT_MS),
        });
        if (!Running && typeof ExitCode === 'number') {
          // As it looks too when the container was killed under it.
          if (ExitCode >= 128 && !(await this.#lives())) return;
          await process.end(ExitCode);
          return;
        }
        if (isClosed) await elapsed(Math.min(lookMs, 50));
        lookMs = Math.min(LAST_LOOK_MS, lookMs * 1.5);
      }
    } catch (error) {
      const fault = await this.#explain('The command was lost', error);
      process.fail(fault);
    }
  }

  async #tell(group: string, signal: KillSignal): Promise<void> {
    if (this.#gone !== undefined) return;
    try {
      const exec = await this.#container.exec({
        Cmd: tellGroup(group, signal),
        WorkingDir: '/',
        AttachStdout: true,
        AttachStderr: true,
      });
      const told = await exec.start({ hijack: true, stdin: false });
      await new Promise<void>((resolve) => {
        told.once('close', resolve).once('end', resolve).once('error', resolve).resume();
      });
      told.destroy();
    } catch (error) {
      throw await this.#explain('A command could not be told to end', error);
    }
  }

  async #explain(what: string, error: unknown): Promise<LachesisError> {
    if (this.#gone !== undefined) return this.#gone;
    // Whatever the daemon's words: a container that is being ended has many for it.
    if (!(await this.#lives().catch(() => true)))
      return this.#gone ?? containerGone(this.id, error);
    return dockerFault(what, error);
  }

  /** Whether the daemon still runs it; rejects where it can't be asked. */
  async #lives(): Promise<boolean> {
    if (this.#gone !== undefined) return false;
    try {
      const { State } = await this.#container.inspect({
        abortSignal: AbortSignal.timeout(CALL_TIMEOUT_MS),
      });
      if (State.Running) return true;
      this.#markGone(sandboxGone(this.id, `its container is ${State.Status}`));
    } catch (error) {
      if (statusOf(error) !== 404)
        throw dockerFault(`Sandbox ${this.id} could not be looked at`, error);
      this.#markGone(containerGone(this.id, error));
    }
    return false;
  }

  #markGone(error: LachesisError): void {
    if (this.#gone !== undefined) return;
    this.#gone = error;
    for (const process of this.#running) process.fail(error);
    this.#running.clear();
    this.#onEnd();
  }
}

/** Ends all that runs in it. One that is not there any more, or on its way out, is as it should be. */
export async function removeContainer(container: Container): Promise<void> {
  try {
    await container.remove({
      force: true,
      v: true,
      abortSignal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    });
  } catch (error) {
    const status = statusOf(error);
    if (status !== 404 && status !== 409) {
      throw dockerFault(`Container ${container.id} could not be ended`, error);
    }
  }
}

function elapsed(ms: number): Promise<void> {
  return new Promise((resolve) => void systemClock.schedule(ms, resolve));
}
