import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { untilAborted } from '../../async/index.ts';
import { invalidInput } from '../../errors.ts';
import { checkPath } from '../contract/check.ts';
import type { ExecOptions } from '../contract/command.ts';
import type { Sandbox } from '../contract/sandbox.ts';
import { OutputCapture } from '../exec/output-capture.ts';
import type { SandboxShell, ShellOptions, ShellResult } from './shell.ts';
import { nulFields, readFrames, type ShellState, stateFields } from './shell-state.ts';
import { shellArgv } from './simulated-shell.ts';

const DEFAULT_MAX_OUTPUT_BYTES = 50_000;
const DEFAULT_MAX_STATE_BYTES = 262_144;
/** Nobody sits at this terminal: nothing may page, prompt or paint. */
const QUIET_ENV = Object.freeze({
  TERM: 'dumb',
  PAGER: 'cat',
  GIT_PAGER: 'cat',
  GIT_TERMINAL_PROMPT: '0',
  DEBIAN_FRONTEND: 'noninteractive',
});

export interface SandboxShellOptions {
  /** Where it begins. Default: the sandbox's `workdir`. */
  readonly cwd?: string;
  /** Of every command, until one changes it. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default: 60 s. */
  readonly timeoutMs?: number;
  /** Default: 50,000. */
  readonly maxOutputBytes?: number;
  /** Of variables, functions and aliases together; a command that makes more loses what it changed. Default: 256 KiB. */
  readonly maxStateBytes?: number;
}

/** What a background program has of a shell. */
export interface ShellOrigin {
  readonly state: ShellState;
  readonly env: Readonly<Record<string, string>>;
}

/** What a shell needs of its sandbox; without an `isolation` its `bash` is a real one. */
type ShellSandbox = Pick<Sandbox, 'exec' | 'workdir'> & Partial<Pick<Sandbox, 'isolation'>>;

/** The shell of a sandbox or of a lease. The sandbox needs `bash`. */
export function createSandboxShell(
  sandbox: ShellSandbox,
  options: SandboxShellOptions = {},
): SandboxShell & { readonly origin: ShellOrigin } {
  return new StatefulShell(sandbox, options);
}

class StatefulShell implements SandboxShell {
  readonly #sandbox: ShellSandbox;
  readonly #options: SandboxShellOptions;
  readonly #env: Readonly<Record<string, string>>;
  #state: ShellState;
  /** Resolves when the last command that was asked for has ended. */
  #last: Promise<void> = Promise.resolve();

  constructor(sandbox: ShellSandbox, options: SandboxShellOptions) {
    const { cwd = sandbox.workdir, env = {} } = options;
    checkPath(cwd, 'shell.cwd');
    this.#sandbox = sandbox;
    this.#options = options;
    this.#env = { ...QUIET_ENV, ...env };
    this.#state = { cwd, parts: [], freshNames: undefined };
  }

  get cwd(): string {
    return this.#state.cwd;
  }

  get timeoutMs(): number | undefined {
    return this.#options.timeoutMs;
  }

  get origin(): ShellOrigin {
    return { state: this.#state, env: this.#env };
  }

  async run(script: string, options: ShellOptions = {}): Promise<ShellResult> {
    checkScript(script);
    if (options.cwd?.includes('\0')) throw invalidInput('shell.cwd', 'holds a NUL character.');
    const before = this.#last;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last = promise;
    try {
      await (options.signal === undefined
        ? before
        : untilAborted(before, { signal: options.signal }));
      return await this.#runNow(script, options);
    } finally {
      // Also who no longer waits for it keeps the order of the others.
      void before.then(resolve);
    }
  }

  async #runNow(script: string, options: ShellOptions): Promise<ShellResult> {
    const { maxStateBytes = DEFAULT_MAX_STATE_BYTES } = this.#options;
    const nonce = randomBytes(16).toString('hex');
    const state = this.#state;
    const cwd = options.cwd === undefined ? state.cwd : path.posix.resolve(state.cwd, options.cwd);
    // The end of a stream is what the larger part of a capture is for, and the state is told at the end.
    const frames = new OutputCapture(2 * maxStateBytes);
    const {
      stdout,
      stderr: _,
      ...rest
    } = await this.#sandbox.exec(
      {
        argv: shellArgv(this.#sandbox.isolation),
        cwd: '/',
        env: this.#env,
        stdin: nulFields([
          nonce,
          state.freshNames === undefined ? '1' : '',
          cwd,
          options.cwd === undefined ? this.#sandbox.workdir : '',
          ...stateFields(state),
          script,
        ]),
      },
      {
        ...this.#execOptions(options),
        onChunk: ({ stream, bytes }) => {
          if (stream === 'stderr') frames.push(bytes);
          else options.onOutput?.(bytes);
        },
      },
    );
    const told = readFrames(frames.captured(), { nonce, maxStateBytes });
    const lost = typeof told.state === 'string' ? told.state : undefined;
    const after = typeof told.state === 'string' ? state : told.state;
    this.#state = {
      cwd: options.cwd === undefined ? after.cwd : state.cwd,
      parts: after.parts,
      freshNames: state.freshNames ?? told.freshNames,
    };
    return {
      ...rest,
      output: stdout,
      cwd: this.#state.cwd,
      stateLost: lost !== undefined,
      ...(lost === undefined ? {} : { stateLostBy: lost }),
    };
  }

  #execOptions(options: ShellOptions): ExecOptions {
    const timeoutMs = options.timeoutMs ?? this.#options.timeoutMs;
    return {
      maxOutputBytes:
        options.maxOutputBytes ?? this.#options.maxOutputBytes ?? DEFAULT_MAX_OUTPUT_BYTES,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    };
  }
}

export function checkScript(script: string): void {
  if (typeof script !== 'string') throw invalidInput('script', 'is no text.');
  if (script.includes('\0')) {
    throw invalidInput('script', 'holds a NUL character.', {
      remedy: 'Write `$(printf "\\0")` or use a file.',
    });
  }
}
