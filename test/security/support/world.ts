import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import {
  createBubblewrapBackend,
  createProcessBackend,
  type ExecOptions,
  type ExecResult,
  outputText,
  type Sandbox,
  type SandboxBackend,
  type SandboxSpec,
} from '../../../src/sandbox/index.ts';
import type { Namespaces } from './guard.ts';
import type { Profile } from './namespace.ts';

/** Of a box that is abused: small, so that a limit is reached soon. */
const SPEC = { resources: { pids: 64, diskMiB: 16, memoryMiB: 600 } };
const BOX_OPTIONS = { users: { first: 10_000, count: 1_000 }, temporaryMiB: 16 };
const never = new AbortController().signal;

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly result: ExecResult;
}

/**
 * The "host" that a case is in, and what it made there. The server is PID 1 of it, as in a container without an
 * init: nobody collects what others leave behind.
 */
export class World {
  readonly profile: Profile;
  readonly hostNamespaces: Namespaces | undefined;
  /** Of the server whose boxes these are: its home and a folder, which nothing in a box may reach. */
  readonly home = process.env['HOME'] ?? '/';
  readonly folder = '/opt/host';
  readonly secret = process.env['HOST_SECRET'] ?? 'none';
  readonly boxes: SandboxBackend = createBubblewrapBackend({
    ...BOX_OPTIONS,
    readOnlyPaths: [`${this.folder}/bin`],
  });
  readonly plains: SandboxBackend = createProcessBackend({
    folder: `${this.folder}/plain`,
    allowRoot: true,
    fileMiB: 1_000_000,
    onWarning: () => {},
  });
  #cleanups: (() => unknown)[] = [];

  constructor(profile: Profile, hostNamespaces: Namespaces | undefined) {
    this.profile = profile;
    this.hostNamespaces = hostNamespaces;
  }

  async box(spec: SandboxSpec = {}): Promise<Sandbox> {
    return await this.#create(this.boxes, { ...SPEC, ...spec });
  }

  async plain(spec: SandboxSpec = {}): Promise<Sandbox> {
    return await this.#create(this.plains, spec);
  }

  /** Runs a bash script in a sandbox. */
  async bash(sandbox: Sandbox, script: string, options: ExecOptions = {}): Promise<Ran> {
    const command = { argv: ['bash', '-c', script] } as const;
    const result = await sandbox.exec(command, { timeoutMs: 15_000, ...options });
    return {
      code: result.exitCode,
      out: outputText(result.stdout),
      err: outputText(result.stderr),
      result,
    };
  }

  inBox(script: string, options?: ExecOptions): Promise<Ran> {
    return this.box().then((box) => this.bash(box, script, options));
  }

  inPlain(script: string, options?: ExecOptions): Promise<Ran> {
    return this.plain().then((plain) => this.bash(plain, script, options));
  }

  /** A child of the server as anyone would start one, with none of our care. */
  child(argv: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const [program = '', ...args] = argv;
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'], ...options });
    this.atEnd(() => child.kill('SIGKILL'));
    return child;
  }

  async childOutput(argv: readonly string[], options: SpawnOptions = {}): Promise<string> {
    const child = this.child(argv, options);
    let text = '';
    child.stdout?.on('data', (bytes: Buffer) => {
      text += bytes.toString();
    });
    await once(child, 'close');
    return text;
  }

  /** All processes of the "host" whose command line begins with this word. */
  pidsOf(word: string): readonly number[] {
    return allPids().filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith(word);
      } catch {
        return false;
      }
    });
  }

  atEnd(run: () => unknown): void {
    this.#cleanups.push(run);
  }

  /** Ends all that a half of a case made. */
  async clean(): Promise<void> {
    const cleanups = this.#cleanups.reverse();
    this.#cleanups = [];
    for (const run of cleanups) await run();
  }

  async close(): Promise<void> {
    await this.clean();
    await Promise.all([this.boxes[Symbol.asyncDispose](), this.plains[Symbol.asyncDispose]()]);
  }

  async #create(backend: SandboxBackend, spec: SandboxSpec): Promise<Sandbox> {
    const sandbox = await backend.create(spec, { signal: never });
    this.atEnd(() => sandbox.terminate());
    return sandbox;
  }
}

export function allPids(): readonly number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0);
}
