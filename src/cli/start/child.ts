import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { startDeadline, untilAborted } from '../../async/index.ts';
import { LachesisError } from '../../errors.ts';

/** Last lines of standard error that are kept for the message when a child dies. */
const KEPT_LINES = 20;
const STOP_GRACE_MS = 3_000;

/** A program of this package in a process of its own; ended, by pid, when disposed. */
export class Child implements AsyncDisposable {
  readonly name: string;
  readonly #process: ChildProcess;
  readonly #errors: string[] = [];
  readonly #exit: Promise<number>;
  readonly #ended = new AbortController();
  #isDisposed = false;

  /** `file` is relative to this folder, without its ending: sources run as `.ts`, the build as `.js`. */
  constructor(
    name: string,
    file: string,
    args: readonly string[],
    options: {
      /** Ctrl-C in the terminal is then not its own: it ends when it is disposed of. Default: false. */
      readonly apart?: boolean;
    } = {},
  ) {
    this.name = name;
    const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
    const path = fileURLToPath(new URL(`${file}${ending}`, import.meta.url));
    // execArgv has the export condition that a checkout runs with.
    this.#process = spawn(process.execPath, [...process.execArgv, path, ...args], {
      // The quick start is the same wherever it runs: no config file and no option of the user's.
      cwd: fileURLToPath(new URL('.', import.meta.url)),
      env: Object.fromEntries(
        Object.entries(process.env).filter(([name]) => !name.startsWith('LACHESIS_')),
      ),
      // A channel tells the child when this process is gone, however it ended.
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      detached: options.apart === true,
      windowsHide: true,
    });
    this.#exit = once(this.#process, 'exit').then(([code]) => (code as number | null) ?? 1);
    this.#exit.then(
      (code) => this.#tellEnd(this.failure(`ended with code ${code}`)),
      (error: unknown) => this.#tellEnd(error),
    );
    const { stderr } = this.#process;
    if (stderr !== null) {
      createInterface({ input: stderr }).on('line', (line) => {
        this.#errors.push(line);
        if (this.#errors.length > KEPT_LINES) this.#errors.shift();
      });
    }
  }

  #tellEnd(reason: unknown): void {
    if (!this.#isDisposed) this.#ended.abort(reason);
  }

  /** Fires when it has ended by itself, with what it said last. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /** Lines of standard output until the process ends. */
  async *lines(): AsyncGenerator<string, void, void> {
    const { stdout } = this.#process;
    if (stdout !== null) yield* createInterface({ input: stdout });
  }

  /** Resolves when it has exited with 0; rejects with the end of what it said otherwise. */
  async succeeded(): Promise<void> {
    const code = await this.#exit;
    if (code !== 0) throw this.failure(`ended with code ${code}`);
  }

  failure(what: string): LachesisError {
    return new LachesisError('infrastructure_error', `The ${this.name} ${what}.`, {
      reason: 'CHILD_FAILED',
      remedy:
        this.#errors.length === 0 ? 'It said nothing.' : `It said:\n${this.#errors.join('\n')}`,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.kill('SIGTERM');
    const killer = setTimeout(() => this.#process.kill('SIGKILL'), STOP_GRACE_MS);
    await this.#exit.catch(() => {});
    clearTimeout(killer);
  }
}

/** A child that has said nothing by then will not. */
const SERVING_TIMEOUT_MS = 60_000;

/** The address that a server child prints once it is serving; rejects when that takes too long. */
export async function addressOf(child: Child, signal: AbortSignal): Promise<string> {
  using deadline = startDeadline({
    timeoutMs: SERVING_TIMEOUT_MS,
    reason: () => child.failure(`did not serve within ${SERVING_TIMEOUT_MS / 1_000} s`),
    signal,
  });
  return await untilAborted(readAddress(child), deadline);
}

async function readAddress(child: Child): Promise<string> {
  for await (const line of child.lines()) {
    const address = /listening on (\S+)/.exec(line)?.[1];
    if (address !== undefined) return address;
  }
  throw child.failure('ended before it was serving');
}
