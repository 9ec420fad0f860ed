import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

export interface ProgramOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** The tests' own Node comes first, so that every program and what it starts runs under it. */
function environment(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const folder = path.dirname(process.execPath);
  return { ...process.env, ...extra, PATH: `${folder}${path.delimiter}${process.env['PATH']}` };
}

/** Runs a program to its end and resolves with its standard output; a failure tells all that it said. */
export async function run(
  command: string,
  args: readonly string[],
  options: ProgramOptions,
): Promise<string> {
  await using program = new Program(command, args, options);
  const code = await program.exited;
  if (code === 0) return program.output;
  throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${program.everything}`);
}

/** A running program and whatever it starts; what is left of them is killed when it is disposed. */
export class Program implements AsyncDisposable {
  /** Standard output so far. */
  output = '';
  /** Both streams so far, as they came. */
  everything = '';
  /** The exit code, or 128 and more when a signal ended it; both streams are read to their ends by then. */
  readonly exited: Promise<number>;
  readonly #child: ChildProcess;

  constructor(command: string, args: readonly string[], options: ProgramOptions) {
    // A process group of its own: npx starts a shell that starts the program.
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: environment(options.env),
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    this.#child = child;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.output += text;
      this.everything += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.everything += text;
    });
    this.exited = once(child, 'close').then(([code]) => (code as number | null) ?? 128);
    this.exited.catch(() => {});
  }

  /** Resolves with the match once standard output has it; rejects when the program ends before. */
  async said(pattern: RegExp): Promise<RegExpMatchArray> {
    for (;;) {
      const match = this.output.match(pattern);
      if (match !== null) return match;
      const next = once(this.#child.stdout!, 'data').then(() => undefined);
      const code = await Promise.race([next, this.exited]);
      if (code !== undefined && this.output.match(pattern) === null) {
        throw new Error(`It ended with ${code} before it said ${pattern}:\n${this.everything}`);
      }
    }
  }

  /** Sends a signal to the program and all that it started, as a terminal's Ctrl-C does. */
  signal(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.signal('SIGKILL');
    await this.exited.catch(() => {});
  }
}
