import { untilAborted } from '../../async/index.ts';
import { invalidInput, LachesisError } from '../../errors.ts';
import { checkPath } from '../contract/check.ts';
import type { Sandbox } from '../contract/sandbox.ts';
import type { BackgroundProcess, BackgroundProcesses, BackgroundStart } from './background.ts';
import { OneBackgroundProcess } from './background-process.ts';
import { BACKGROUND_BOOTSTRAP, bashArgv, inTerminal } from './bootstrap.ts';
import { checkScript, type ShellOrigin } from './create-shell.ts';
import { nulFields, stateFields } from './shell-state.ts';

const DEFAULT_MAX_RUNNING = 16;
const DEFAULT_MAX_OUTPUT_BYTES = 200_000;
/** Ended ones that are still known. */
const MAX_ENDED = 64;

export interface BackgroundOptions {
  /** Whose directory and state a program begins with. */
  readonly shell: { readonly origin: ShellOrigin };
  /** At a time. Default: 16. */
  readonly maxRunning?: number;
  /** The last ones of each program's output. Default: 200,000. */
  readonly maxOutputBytes?: number;
}

/** Runs programs of a sandbox or lease in the background. Disposed of, it ends them all. */
export function runBackground(
  sandbox: Pick<Sandbox, 'spawn'>,
  options: BackgroundOptions,
): BackgroundProcesses & AsyncDisposable {
  return new Background(sandbox, options);
}

class Background implements BackgroundProcesses, AsyncDisposable {
  readonly #sandbox: Pick<Sandbox, 'spawn'>;
  readonly #options: BackgroundOptions;
  readonly #processes = new Map<string, OneBackgroundProcess>();
  #begun = 0;
  #starting = 0;
  #isClosed = false;

  constructor(sandbox: Pick<Sandbox, 'spawn'>, options: BackgroundOptions) {
    this.#sandbox = sandbox;
    this.#options = options;
  }

  get all(): readonly BackgroundProcess[] {
    return [...this.#processes.values()];
  }

  get(id: string): BackgroundProcess | undefined {
    return this.#processes.get(id);
  }

  async start(
    script: string,
    { cwd, pty = false, signal }: BackgroundStart = {},
  ): Promise<BackgroundProcess> {
    checkScript(script);
    if (cwd !== undefined) checkPath(cwd, 'cwd');
    const { maxRunning = DEFAULT_MAX_RUNNING, shell } = this.#options;
    const running = this.#starting + this.#running().length;
    if (this.#isClosed) throw closed();
    if (running >= maxRunning) {
      throw new LachesisError('resource_exhausted', `${running} programs run in the background.`, {
        reason: 'TOO_MANY_PROCESSES',
        remedy: 'End one that is not needed.',
      });
    }
    this.#begun += 1;
    const id = `proc_${this.#begun}`;
    const { state, env } = shell.origin;
    this.#starting += 1;
    try {
      const process = await this.#sandbox.spawn(
        { argv: bashArgv(BACKGROUND_BOOTSTRAP), cwd: '/', env, stdin: 'open' },
        signal === undefined ? {} : { signal },
      );
      const { maxOutputBytes = DEFAULT_MAX_OUTPUT_BYTES } = this.#options;
      const one = new OneBackgroundProcess(process, { id, script, maxOutputBytes });
      if (this.#isClosed) {
        await one.kill();
        throw closed();
      }
      this.#processes.set(id, one);
      const text = pty ? inTerminal(script) : script;
      const told = process.write(nulFields([cwd ?? state.cwd, ...stateFields(state), text]));
      await (signal === undefined ? told : untilAborted(told, { signal }));
      this.#forgetOld();
      return one;
    } finally {
      this.#starting -= 1;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    // A sandbox that is gone took them with it.
    await Promise.allSettled([...this.#processes.values()].map((process) => process.end()));
  }

  #running(): OneBackgroundProcess[] {
    return [...this.#processes.values()].filter(({ isRunning }) => isRunning);
  }

  #forgetOld(): void {
    const ended = [...this.#processes.values()].filter(({ isRunning }) => !isRunning);
    for (const process of ended.slice(0, Math.max(0, ended.length - MAX_ENDED))) {
      this.#processes.delete(process.id);
      // Nothing is running of it that could be told to end.
      void process.end();
    }
  }
}

function closed(): LachesisError {
  return invalidInput('processes', 'the sandbox was given back.', { reason: 'LEASE_RELEASED' });
}
