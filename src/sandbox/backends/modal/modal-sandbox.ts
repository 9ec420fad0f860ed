import type { ModalClient, Sandbox as ModalHandle } from 'modal';
import { systemClock, untilAborted } from '../../../async/index.ts';
import { LachesisError } from '../../../errors.ts';
import type { Command, SandboxProcess } from '../../contract/command.ts';
import { isSandboxGone, sandboxFault, sandboxGone } from '../../contract/faults.ts';
import type { SandboxStatus, TransferOptions } from '../../contract/sandbox.ts';
import type { SandboxNetwork } from '../../contract/spec.ts';
import type { SandboxCore } from '../../exec/complete-sandbox.ts';
import { outputText } from '../../exec/output-text.ts';
import { runCommand } from '../../exec/run-command.ts';
import { untilStarted } from '../../exec/until-started.ts';
import { isTransient, modalSandboxFault } from './faults.ts';
import { ModalProcess } from './modal-process.ts';
import { whileRunning } from './network.ts';
import { type ModalSettings, wholeSeconds } from './options.ts';
import { tellGroup, wrapCommand } from './wrapper.ts';

const PREPARE_TIMEOUT_MS = 60_000;
const HEALTH_TIMEOUT_MS = 5_000;
const SNAPSHOT_TIMEOUT_MS = 55_000;
/** How often, and how long apart at most, Modal is asked whether an ended sandbox has ended. */
const END_LOOKS = 12;
const END_PAUSE_MS = 2_000;

/** What our commands need of an image; then the working directory, which few images have. */
const PREPARE = `for tool in bash tar stat setsid; do
  command -v "$tool" >/dev/null || { echo "it has no $tool" >&2; exit 1; }
done
mkdir -p -- "$1"`;

/** One sandbox of Modal's, and what of it is not the same on every backend. */
export class ModalSandbox implements SandboxCore {
  readonly backend = 'modal';
  readonly isolation = 'strong';
  readonly id: string;
  readonly workdir: string;
  readonly #client: ModalClient;
  readonly #settings: ModalSettings;
  readonly #env: Readonly<Record<string, string>>;
  readonly #onEnd: () => void;
  readonly #running = new Set<ModalProcess>();
  #handle: ModalHandle;
  #started = 0;
  #gone: LachesisError | undefined;
  #unwatch: (() => void) | undefined;

  constructor(options: {
    readonly client: ModalClient;
    readonly handle: ModalHandle;
    readonly settings: ModalSettings;
    readonly workdir: string;
    readonly env: Readonly<Record<string, string>>;
    readonly onEnd: () => void;
  }) {
    this.id = options.handle.sandboxId;
    this.workdir = options.workdir;
    this.#client = options.client;
    this.#handle = options.handle;
    this.#settings = options.settings;
    this.#env = options.env;
    this.#onEnd = options.onEnd;
  }

  /** Makes its working directory, and refuses an image in which our commands could not run. */
  async prepare(signal: AbortSignal): Promise<void> {
    const command: Command = { argv: ['sh', '-c', PREPARE, 'sh', this.workdir], cwd: '/' };
    const result = await runCommand(() => this.start(command, signal), {
      ...{ signal, timeoutMs: PREPARE_TIMEOUT_MS, clock: this.#settings.clock },
    });
    signal.throwIfAborted();
    if (result.exitCode === 0) return;
    const said = outputText(result.stderr).trim();
    // Without it nothing of ours could say so: it is what runs a command.
    const why = said || (result.exitCode === 127 ? 'it has no setsid' : `exit ${result.exitCode}`);
    throw new LachesisError('failed_precondition', `The image can not be used: ${why}.`, {
      reason: 'SANDBOX_IMAGE',
      remedy: 'Use one with sh, bash, setsid of util-linux, tar and coreutils, such as Debian.',
    });
  }

  async start(command: Command, signal: AbortSignal | undefined): Promise<SandboxProcess> {
    if (this.#gone !== undefined) throw this.#gone;
    const argv = wrapCommand(command, command.cwd ?? this.workdir);
    const start = this.#exec(argv, command.env).then((begun) => this.#adopt(begun, command));
    return await untilStarted(start, signal);
  }

  async status({ signal }: TransferOptions = {}): Promise<SandboxStatus> {
    if (this.#gone !== undefined || !(await this.#lives())) return 'gone';
    try {
      const options = { timeoutMs: HEALTH_TIMEOUT_MS, clock: this.#settings.clock };
      const result = await runCommand(
        () => this.start({ argv: ['true'], cwd: '/' }, signal),
        signal === undefined ? options : { ...options, signal },
      );
      signal?.throwIfAborted();
      if (result.exitCode === 0) return 'running';
      throw sandboxFault(
        `Sandbox ${this.id} does not run \`true\``,
        new Error(`exit code ${result.exitCode}`),
      );
    } catch (error) {
      if (isSandboxGone(error)) return 'gone';
      throw error;
    }
  }

  async snapshot({ signal }: TransferOptions = {}): Promise<string> {
    const work = this.#handle.snapshotFilesystem({
      timeoutMs: SNAPSHOT_TIMEOUT_MS,
      ttlMs: wholeSeconds(this.#settings.snapshotTtlMs),
    });
    return (await this.#call('could not be copied to an image', work, signal)).imageId;
  }

  async setNetwork(network: SandboxNetwork, { signal }: TransferOptions = {}): Promise<void> {
    const work = this.#handle.updateNetworkPolicy(whileRunning(network));
    await this.#call('could not be given another network', work, signal);
  }

  /** Resolves when Modal says that it has ended: until then it counts for the quota. */
  async terminate(): Promise<void> {
    const handle = this.#handle;
    this.#markGone(sandboxGone(this.id, 'it was ended'), { keep: true });
    try {
      await handle.terminate();
      let pauseMs = 20;
      for (let look = 0; look < END_LOOKS; look++) {
        if ((await handle.poll()) !== null) break;
        await new Promise<void>((resolve) => void systemClock.schedule(pauseMs, resolve));
        pauseMs = Math.min(END_PAUSE_MS, pauseMs * 2);
      }
    } catch (error) {
      const fault = modalSandboxFault(this.id, `Sandbox ${this.id} could not be ended`, error);
      if (!isSandboxGone(fault)) throw fault;
    } finally {
      handle.detach();
      this.#onEnd();
    }
  }

  async #exec(argv: string[], env: Command['env']) {
    try {
      return await this.#handle.exec(argv, {
        mode: 'binary',
        workdir: '/',
        env: { ...this.#env, ...env },
      });
    } catch (error) {
      throw await this.#explain('The command could not be started', error);
    }
  }

  #adopt(started: Awaited<ReturnType<ModalHandle['exec']>>, { stdin }: Command): ModalProcess {
    this.#started += 1;
    const process = new ModalProcess(started, {
      id: `${this.id}/${this.#started}`,
      stdin,
      host: {
        tell: (group, signal) => this.#tell(group, signal),
        explain: (error) => this.#explain('The command was lost', error),
      },
    });
    if (this.#gone !== undefined) process.fail(this.#gone);
    else {
      this.#running.add(process);
      this.#watch();
      void process.exited.catch(() => {}).finally(() => this.#running.delete(process));
    }
    return process;
  }

  async #tell(group: string, signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (this.#gone !== undefined) return;
    const work = (async () => {
      const told = await this.#handle.exec(tellGroup(group, signal), {
        ...{ mode: 'binary', stdout: 'ignore', stderr: 'ignore', workdir: '/' },
      });
      await told.wait();
    })();
    await this.#call('could not tell a command to end', work, undefined);
  }

  async #call<Value>(what: string, work: Promise<Value>, signal: AbortSignal | undefined) {
    try {
      return await (signal === undefined ? work : untilAborted(work, { signal }));
    } catch (error) {
      if (signal?.aborted === true) throw signal.reason;
      throw await this.#explain(`Sandbox ${this.id} ${what}`, error);
    }
  }

  /**
   * What an error of Modal's client means. A worker that can't be reached says nothing of the sandbox, so Modal
   * is asked; where it lives on, the next command looks for its worker anew. This one is not run again, since
   * it may have been.
   */
  async #explain(what: string, error: unknown): Promise<LachesisError> {
    if (this.#gone !== undefined) return this.#gone;
    const fault = modalSandboxFault(this.id, what, error);
    if (isSandboxGone(fault)) {
      this.#markGone(fault);
      return fault;
    }
    if (!isTransient(error)) return fault;
    const handle = this.#handle;
    if (!(await this.#lives())) return this.#gone ?? fault;
    if (this.#handle === handle) {
      handle.detach();
      this.#handle = await this.#client.sandboxes.fromId(this.id);
    }
    return fault;
  }

  /** Whether Modal still has it; also true where Modal itself can't be asked. */
  async #lives(): Promise<boolean> {
    try {
      const code = await this.#handle.poll();
      if (code === null) return true;
      const why = code === 124 ? 'its time was over' : `it ended with code ${code}`;
      this.#markGone(sandboxGone(this.id, why));
    } catch (error) {
      const fault = modalSandboxFault(this.id, 'Modal could not be asked', error);
      if (!isSandboxGone(fault)) return true;
      this.#markGone(fault);
    }
    return false;
  }

  /** While commands run: Modal's client itself waits for ever for a worker that is no more. */
  #watch(): void {
    const { clock, watchMs } = this.#settings;
    this.#unwatch ??= clock.schedule(watchMs, () => {
      this.#unwatch = undefined;
      if (this.#running.size === 0 || this.#gone !== undefined) return;
      void this.#lives().then((lives) => {
        if (lives && this.#running.size > 0) this.#watch();
      });
    });
  }

  #markGone(error: LachesisError, { keep = false } = {}): void {
    if (this.#gone !== undefined) return;
    this.#gone = error;
    this.#unwatch?.();
    for (const process of this.#running) process.fail(error);
    this.#running.clear();
    if (!keep) {
      this.#handle.detach();
      this.#onEnd();
    }
  }
}
