import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { invalidInput } from '../../../errors.ts';
import type { Command, ProcessExit, SandboxProcess } from '../../contract/command.ts';
import { sandboxFault, sandboxGone } from '../../contract/faults.ts';
import type { SandboxStatus } from '../../contract/sandbox.ts';
import { adoptChild } from '../../exec/adopt-child.ts';
import type { SandboxCore } from '../../exec/complete-sandbox.ts';
import { CommandPipes } from '../local/command-pipes.ts';
import { commandArguments, commandScript, type ProcessLimits } from '../local/command-script.ts';
import { withoutDescriptors } from '../local/inherited-descriptors.ts';
import { NameStore } from '../local/name-store.ts';
import { sendSignal } from '../local/process-table.ts';
import { runProgram } from '../local/run-program.ts';
import { endMarked, MARKER } from './marked-processes.ts';
import { removeFolder, type SandboxFolder, WORK } from './sandbox-folder.ts';

/** All of our own environment that a command is given. */
const PASSED = ['PATH', 'LANG', 'LC_ALL', 'TZ'];

/** Children of ours in a folder of their own. Nothing keeps them from the rest of the host. */
export class ProcessSandbox implements SandboxCore {
  readonly id: string;
  readonly backend = 'process';
  readonly isolation = 'process';
  readonly workdir: string;
  readonly #folder: SandboxFolder;
  readonly #env: Readonly<Record<string, string>>;
  readonly #script: string;
  readonly #inherited: readonly number[];
  readonly #names: NameStore;
  readonly #groups = new Set<number>();
  #goneWhy: string | undefined;
  #ended: Promise<void> | undefined;
  #onEnd: () => void = () => {};

  constructor(options: {
    readonly folder: SandboxFolder;
    readonly env: Readonly<Record<string, string>>;
    readonly limits: ProcessLimits;
    readonly inherited: readonly number[];
  }) {
    const { folder } = options;
    this.id = folder.id;
    this.workdir = path.join(folder.root, WORK);
    this.#folder = folder;
    this.#inherited = options.inherited;
    // Processes are counted by user, not by sandbox, so their number is not limited here.
    this.#script = commandScript(options.limits, 'u');
    this.#env = { ...baseEnv(folder), ...options.env };
    this.#names = new NameStore(async ({ pipes, files }) => {
      await runProgram('mkfifo', inFolder(this.#pipes, pipes));
      for (const file of inFolder(this.#pipes, files)) await writeFile(file, '');
    });
  }

  async start(command: Command, signal: AbortSignal | undefined): Promise<SandboxProcess> {
    this.#assertThere();
    const names = await this.#names.take().catch((error: unknown) => {
      this.#assertThere();
      throw sandboxFault('No pipes could be made for the command', error);
    });
    this.#assertThere();
    signal?.throwIfAborted();
    const pipes = new CommandPipes(this.#pipes, names, command.stdin);
    try {
      return this.#run(command, pipes);
    } catch (error) {
      pipes.closeChildEnds();
      pipes.destroy();
      throw error;
    }
  }

  async status(): Promise<SandboxStatus> {
    return this.#goneWhy === undefined ? 'running' : 'gone';
  }

  terminate(): Promise<void> {
    return this.end('it was terminated');
  }

  end(why: string): Promise<void> {
    this.#goneWhy ??= why;
    this.#ended ??= this.#end();
    return this.#ended;
  }

  /** Calls it when it is being ended. */
  onEnd(run: () => void): void {
    this.#onEnd = run;
  }

  async #end(): Promise<void> {
    this.#onEnd();
    for (const group of this.#groups) sendSignal(-group, 'SIGKILL');
    const left = await endMarked(this.id, this.#folder.root);
    await removeFolder(this.#folder);
    if (left.length === 0) return;
    const why = new Error(`processes ${left.join(', ')} outlived SIGKILL`);
    throw sandboxFault(`Sandbox ${this.id} could not be ended`, why);
  }

  get #pipes(): string {
    return path.join(this.#folder.root, 'pipes');
  }

  #run(command: Command, pipes: CommandPipes): SandboxProcess {
    const env = { ...this.#env, ...command.env, [MARKER]: this.id };
    const words = commandArguments(command.cwd ?? this.workdir, {}, command.argv);
    const [program = '', ...args] = withoutDescriptors(this.#inherited, [
      ...['/bin/sh', '-c', this.#script],
      ...words,
    ]);
    const child = startChild(() =>
      spawn(program, args, { env, cwd: '/', detached: true, stdio: [...pipes.childEnds] }),
    );
    pipes.closeChildEnds();
    child.once('error', () => pipes.closeMark());
    const { pid } = child;
    if (pid !== undefined) this.#groups.add(pid);
    let killed = false;
    return adoptChild(child, {
      stdin: command.stdin,
      streams: pipes,
      kill: (signal) => {
        killed = true;
        if (pid !== undefined) sendSignal(-pid, signal);
      },
      judge: (exit) => {
        pipes.closeMark();
        if (pid !== undefined) {
          // The number stays the group's as long as any of it is left.
          if (killed) sendSignal(-pid, 'SIGKILL');
          this.#groups.delete(pid);
        }
        return this.#judge(exit);
      },
    });
  }

  #judge(exit: ProcessExit): ProcessExit {
    if (exit.code !== 0) this.#assertThere();
    return exit;
  }

  #assertThere(): void {
    if (this.#goneWhy !== undefined) throw sandboxGone(this.id, this.#goneWhy);
  }
}

function baseEnv({ root }: SandboxFolder): Record<string, string> {
  const passed = PASSED.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    ...Object.fromEntries(passed),
    HOME: path.join(root, 'home'),
    TMPDIR: path.join(root, 'tmp'),
    TERM: 'dumb',
    PAGER: 'cat',
    GIT_TERMINAL_PROMPT: '0',
    DEBIAN_FRONTEND: 'noninteractive',
  };
}

function inFolder(folder: string, names: readonly string[]): readonly string[] {
  return names.map((name) => path.join(folder, name));
}

function startChild<Child>(start: () => Child): Child {
  try {
    return start();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'E2BIG') {
      throw sandboxFault('No command could be started', error);
    }
    throw invalidInput('command.env', 'is too long together with `command.argv`.', {
      remedy: 'Give long text by `stdin`.',
    });
  }
}
