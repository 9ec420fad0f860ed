import { checkCommand, checkPath } from '../contract/check.ts';
import type { Command, ExecOptions, ExecResult, SandboxProcess } from '../contract/command.ts';
import { isSandboxGone } from '../contract/faults.ts';
import type { IsolationLevel } from '../contract/isolation.ts';
import type { FileStat, Sandbox, SandboxStatus, TransferOptions } from '../contract/sandbox.ts';
import { packPath, unpackAt } from './archives.ts';
import { runCommand } from './run-command.ts';
import { statPath } from './stat-path.ts';

/**
 * What a backend brings itself; the rest of a sandbox is made of `start`. Overrides are for backends that do a
 * thing better than a program inside would.
 */
export interface SandboxCore
  extends Pick<Sandbox, 'endCommands' | 'snapshot' | 'setNetwork' | 'endpoint'>,
    Partial<Pick<Sandbox, 'putArchive' | 'getArchive' | 'stat' | 'status'>> {
  readonly id: string;
  readonly backend: string;
  readonly isolation: IsolationLevel;
  readonly workdir: string;
  /** Starts a command that was checked. */
  start(command: Command, signal: AbortSignal | undefined): Promise<SandboxProcess>;
  terminate(): Promise<void>;
}

/** A whole sandbox of what a backend brings. */
export function completeSandbox(core: SandboxCore): Sandbox {
  return new CompleteSandbox(core);
}

class CompleteSandbox implements Sandbox {
  readonly #core: SandboxCore;
  #terminated: Promise<void> | undefined;
  readonly id: string;
  readonly backend: string;
  readonly isolation: IsolationLevel;
  readonly workdir: string;
  readonly endCommands?: NonNullable<Sandbox['endCommands']>;
  readonly snapshot?: NonNullable<Sandbox['snapshot']>;
  readonly setNetwork?: NonNullable<Sandbox['setNetwork']>;
  readonly endpoint?: NonNullable<Sandbox['endpoint']>;

  constructor(core: SandboxCore) {
    this.#core = core;
    this.id = core.id;
    this.backend = core.backend;
    this.isolation = core.isolation;
    this.workdir = core.workdir;
    if (core.endCommands !== undefined) this.endCommands = core.endCommands.bind(core);
    if (core.snapshot !== undefined) this.snapshot = core.snapshot.bind(core);
    if (core.setNetwork !== undefined) this.setNetwork = core.setNetwork.bind(core);
    if (core.endpoint !== undefined) this.endpoint = core.endpoint.bind(core);
  }

  async exec(command: Command, options: ExecOptions = {}): Promise<ExecResult> {
    checkCommand(command);
    return await runCommand(() => this.#core.start(command, options.signal), options);
  }

  async spawn(
    command: Command,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<SandboxProcess> {
    checkCommand(command);
    signal?.throwIfAborted();
    return await this.#core.start(command, signal);
  }

  async putArchive(
    path: string,
    tar: AsyncIterable<Uint8Array>,
    options: TransferOptions = {},
  ): Promise<number> {
    checkPath(path, 'path');
    if (this.#core.putArchive !== undefined) return this.#core.putArchive(path, tar, options);
    return await unpackAt(this, path, tar, options);
  }

  getArchive(path: string, options: TransferOptions = {}): AsyncIterable<Uint8Array> {
    checkPath(path, 'path');
    if (this.#core.getArchive !== undefined) return this.#core.getArchive(path, options);
    return packPath(this, path, options);
  }

  async stat(path: string, options: TransferOptions = {}): Promise<FileStat | undefined> {
    checkPath(path, 'path');
    if (this.#core.stat !== undefined) return this.#core.stat(path, options);
    return await statPath(this, path, options);
  }

  async status(options: TransferOptions = {}): Promise<SandboxStatus> {
    if (this.#core.status !== undefined) return this.#core.status(options);
    try {
      await this.exec({ argv: ['true'] }, { timeoutMs: 5_000, ...options });
      return 'running';
    } catch (error) {
      if (isSandboxGone(error)) return 'gone';
      throw error;
    }
  }

  terminate(): Promise<void> {
    this.#terminated ??= this.#core.terminate().catch((error: unknown) => {
      // What failed may be tried again.
      this.#terminated = undefined;
      throw error;
    });
    return this.#terminated;
  }
}
