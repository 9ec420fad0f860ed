import type { Sandbox as E2bHandle } from 'e2b';
import { LachesisError } from '../../../errors.ts';
import type { Command, SandboxProcess } from '../../contract/command.ts';
import { sandboxFault, sandboxGone } from '../../contract/faults.ts';
import type { SandboxStatus, TransferOptions } from '../../contract/sandbox.ts';
import type { SandboxCore } from '../../exec/complete-sandbox.ts';
import { outputText } from '../../exec/output-text.ts';
import { runCommand } from '../../exec/run-command.ts';
import { untilStarted } from '../../exec/until-started.ts';
import { RemoteProcess } from '../remote/remote-process.ts';
import { type KillSignal, tellGroup, wrapCommand } from '../remote/wrapper.ts';
import { e2bFault, mayBeGone } from './faults.ts';
import { type ProcessRpc, processRpc, type StartEvent } from './process-rpc.ts';

const PREPARE_TIMEOUT_MS = 60_000;

const PREPARE = `for tool in setsid tar stat; do
  command -v "$tool" >/dev/null || { echo "it has no $tool"; exit 1; }
done
mkdir -p -- "$1" 2>&1`;

/** One sandbox of E2B's, and what of it is not the same on every backend. */
export class E2bSandbox implements SandboxCore {
  readonly id: string;
  readonly backend = 'e2b';
  readonly isolation = 'strong';
  readonly workdir: string;
  readonly #handle: E2bHandle;
  readonly #rpc: ProcessRpc;
  readonly #env: Readonly<Record<string, string>>;
  readonly #timeoutMs: number;
  readonly #onEnd: () => void;
  readonly #running = new Set<RemoteProcess>();
  #gone: LachesisError | undefined;

  constructor(options: {
    readonly handle: E2bHandle;
    readonly workdir: string;
    readonly env: Readonly<Record<string, string>>;
    readonly requestTimeoutMs: number;
    readonly onEnd: () => void;
  }) {
    this.id = options.handle.sandboxId;
    this.workdir = options.workdir;
    this.#handle = options.handle;
    this.#rpc = processRpc(options.handle);
    this.#env = options.env;
    this.#timeoutMs = options.requestTimeoutMs;
    this.#onEnd = options.onEnd;
  }

  /** Makes its working directory, and refuses a template in which our commands could not run. */
  async prepare(signal: AbortSignal): Promise<void> {
    const command: Command = { argv: ['sh', '-c', PREPARE, 'sh', this.workdir], cwd: '/' };
    const result = await runCommand(() => this.start(command, signal), {
      ...{ signal, timeoutMs: PREPARE_TIMEOUT_MS },
    });
    signal.throwIfAborted();
    if (result.exitCode === 0) return;
    const why = outputText(result.stdout).trim() || 'it has no sh or no setsid';
    throw new LachesisError('failed_precondition', `The template can not be used: ${why}.`, {
      reason: 'SANDBOX_IMAGE',
      remedy: 'Use one with sh, setsid of util-linux, tar and coreutils, such as `base`.',
    });
  }

  async start(command: Command, signal: AbortSignal | undefined): Promise<SandboxProcess> {
    if (this.#gone !== undefined) throw this.#gone;
    const { argv, cwd = this.workdir, env = {}, stdin } = command;
    const input = stdin === undefined ? 'none' : 'open';
    const work = this.#start(
      wrapCommand({ argv, cwd, env: { ...this.#env, ...env }, input }),
      stdin,
    );
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
    try {
      // False for one that is not there any more, which is as it should be.
      await this.#handle.kill({ requestTimeoutMs: this.#timeoutMs });
    } catch (error) {
      throw e2bFault(`Sandbox ${this.id} could not be ended`, error);
    }
  }

  async #start(argv: readonly string[], stdin: Command['stdin']): Promise<RemoteProcess> {
    const [cmd = 'sh', ...args] = argv;
    const call = new AbortController();
    const handshake = setTimeout(() => call.abort(), this.#timeoutMs);
    const request = { process: { cmd, args, cwd: '/' }, stdin: stdin !== undefined };
    try {
      const events = this.#rpc
        .start(request, { signal: call.signal, timeoutMs: 0 })
        [Symbol.asyncIterator]();
      const first = (await events.next()).value as StartEvent | undefined;
      const event = first?.event?.event;
      if (event?.case !== 'start') throw new Error('E2B did not say that it started the command');
      return this.#adopt(event.value.pid, events, call, stdin);
    } catch (error) {
      call.abort();
      throw await this.#explain('The command could not be started', error);
    } finally {
      clearTimeout(handshake);
    }
  }

  #adopt(
    pid: number,
    events: AsyncIterator<StartEvent>,
    call: AbortController,
    stdin: Command['stdin'],
  ): RemoteProcess {
    let gate: PromiseWithResolvers<void> | undefined;
    let isClosed = false;
    const selector = { selector: { case: 'pid', value: pid } } as const;
    const limit = () => ({ signal: AbortSignal.timeout(this.#timeoutMs) });
    const open = (): void => {
      gate?.resolve();
      gate = undefined;
    };
    const process = new RemoteProcess(`${this.id}/${pid}`, {
      write: async (value) => {
        const sent = { input: { case: 'stdin', value } } as const;
        await this.#rpc.sendInput({ process: selector, input: sent }, limit());
      },
      closeInput: async () => {
        await this.#rpc.closeStdin({ process: selector }, limit());
      },
      pause: () => {
        gate ??= Promise.withResolvers<void>();
      },
      resume: open,
      // The stream also tells the command's end, so it is read on.
      close: () => {
        isClosed = true;
        open();
        if (process.hasEnded) call.abort();
      },
      tell: (group, signal) => this.#tell(group, signal),
    });
    this.#running.add(process);
    void process.exited
      .catch(() => {})
      .finally(() => {
        this.#running.delete(process);
        if (isClosed) call.abort();
      });
    if (this.#gone !== undefined) process.fail(this.#gone);
    const read = async (): Promise<void> => {
      for (;;) {
        const { done, value } = await events.next();
        if (done === true) throw new Error("the command's stream ended before the command");
        const event = value.event?.event;
        if (event?.case === 'data') {
          const { case: stream, value: bytes } = event.value.output;
          if (stream === 'stdout' || stream === 'stderr') process.receive(stream, bytes);
          await gate?.promise;
        } else if (event?.case === 'end') {
          process.endOutput();
          await process.end(event.value.exitCode);
          return;
        }
      }
    };
    void read()
      .catch(async (error: unknown) =>
        process.fail(await this.#explain('The command was lost', error)),
      )
      .finally(() => call.abort());
    void process.feed(stdin);
    return process;
  }

  async #tell(group: string, signal: KillSignal): Promise<void> {
    if (this.#gone !== undefined) return;
    const [cmd = 'sh', ...args] = tellGroup(group, signal);
    const request = { process: { cmd, args, cwd: '/' }, stdin: false };
    try {
      const limit = { signal: AbortSignal.timeout(this.#timeoutMs) };
      for await (const _ of this.#rpc.start(request, limit));
    } catch (error) {
      throw await this.#explain('A command could not be told to end', error);
    }
  }

  async #explain(what: string, error: unknown): Promise<LachesisError> {
    if (this.#gone !== undefined) return this.#gone;
    if (mayBeGone(error) && !(await this.#lives().catch(() => true)) && this.#gone !== undefined) {
      return this.#gone;
    }
    return sandboxFault(what, error);
  }

  /** Whether E2B still runs it; rejects where it can't be asked. */
  async #lives(): Promise<boolean> {
    if (this.#gone !== undefined) return false;
    try {
      const { state } = await this.#handle.getInfo({ requestTimeoutMs: this.#timeoutMs });
      if (state === 'running') return true;
      this.#markGone(sandboxGone(this.id, `it is ${state}`));
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'SandboxNotFoundError') {
        throw e2bFault(`Sandbox ${this.id} could not be looked at`, error);
      }
      this.#markGone(sandboxGone(this.id, error.message, error));
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
