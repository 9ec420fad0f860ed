import path from 'node:path';
import { invalidInput } from '../../errors.ts';
import { checkPath } from '../contract/check.ts';
import type { Command, ExecOptions, ExecResult } from '../contract/command.ts';
import type { IsolationLevel } from '../contract/isolation.ts';
import type { FileStat, TransferOptions } from '../contract/sandbox.ts';
import type { SandboxLease } from '../pool/lease.ts';
import { createSandboxShell, type SandboxShellOptions } from '../shell/create-shell.ts';
import { runBackground } from '../shell/run-background.ts';
import { folderNamed, namesFolder, readOneFile, writeOneFile } from './one-file.ts';
import { packFromHost } from './pack-from-host.ts';
import type { DownloadOptions, RolloutSandbox } from './rollout-sandbox.ts';
import { scriptCommand } from './script-command.ts';
import { unpackOnHost } from './unpack-on-host.ts';

const DEFAULT_MAX_READ_BYTES = 67_108_864;
const DEFAULT_MAX_DOWNLOAD_BYTES = 1_073_741_824;
const DEFAULT_MAX_ENTRIES = 100_000;

const decoder = new TextDecoder();

export interface RolloutSandboxOptions {
  readonly shell?: SandboxShellOptions;
  /** Programs in the background at a time. Default: 16. */
  readonly maxProcesses?: number;
}

/**
 * The sandbox of a lease, as a rollout has it. It ends with the lease; disposed of before, it ends what the
 * agent started in the background.
 */
export function openRolloutSandbox(
  lease: SandboxLease,
  options: RolloutSandboxOptions = {},
): RolloutSandbox & AsyncDisposable {
  return new LeasedSandbox(lease, options);
}

class LeasedSandbox implements RolloutSandbox, AsyncDisposable {
  readonly shell: RolloutSandbox['shell'];
  readonly processes: RolloutSandbox['processes'] & AsyncDisposable;
  readonly #lease: SandboxLease;

  constructor(lease: SandboxLease, { shell, maxProcesses }: RolloutSandboxOptions) {
    this.#lease = lease;
    const statefulShell = createSandboxShell(lease, shell);
    this.shell = statefulShell;
    this.processes = runBackground(lease, {
      shell: statefulShell,
      ...(maxProcesses === undefined ? {} : { maxRunning: maxProcesses }),
    });
  }

  get id(): string {
    return this.#lease.id;
  }

  get backend(): string {
    return this.#lease.backend;
  }

  get isolation(): IsolationLevel {
    return this.#lease.isolation;
  }

  get workdir(): string {
    return this.#lease.workdir;
  }

  exec(command: string | Command, options?: ExecOptions): Promise<ExecResult> {
    return this.#lease.exec(
      typeof command === 'string' ? scriptCommand(command) : command,
      options,
    );
  }

  readFile(
    file: string,
    options: TransferOptions & { readonly maxBytes?: number } = {},
  ): Promise<Uint8Array> {
    const { maxBytes = DEFAULT_MAX_READ_BYTES } = options;
    return readOneFile(this.#lease, this.#at(file), { ...options, maxBytes });
  }

  async readText(
    file: string,
    options: TransferOptions & { readonly maxBytes?: number } = {},
  ): Promise<string> {
    return decoder.decode(await this.readFile(file, options));
  }

  async writeFile(
    file: string,
    content: string | Uint8Array,
    options: TransferOptions & { readonly mode?: number } = {},
  ): Promise<void> {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    const at = this.#at(file);
    if (namesFolder(file)) throw folderNamed(file, 'path');
    await writeOneFile(this.#lease, at, bytes, options);
  }

  async upload(hostPath: string, target: string, options: TransferOptions = {}): Promise<void> {
    const { dir, base } = path.posix.parse(this.#at(target));
    if (base === '') throw invalidInput('path', 'names the root, which is there already.');
    await this.#lease.putArchive(dir, packFromHost(hostPath, base, options), options);
  }

  async download(source: string, hostPath: string, options: DownloadOptions = {}): Promise<void> {
    const { maxBytes = DEFAULT_MAX_DOWNLOAD_BYTES, maxEntries = DEFAULT_MAX_ENTRIES } = options;
    const { signal } = options;
    const bound = signal === undefined ? {} : { signal };
    const tar = this.#lease.getArchive(this.#at(source), bound);
    await unpackOnHost(tar, hostPath, { maxBytes, maxEntries, ...bound });
  }

  stat(file: string, options?: TransferOptions): Promise<FileStat | undefined> {
    return this.#lease.stat(this.#at(file), options);
  }

  putArchive(
    target: string,
    tar: AsyncIterable<Uint8Array>,
    options?: TransferOptions,
  ): Promise<number> {
    return this.#lease.putArchive(this.#at(target), tar, options);
  }

  getArchive(source: string, options?: TransferOptions): AsyncIterable<Uint8Array> {
    return this.#lease.getArchive(this.#at(source), options);
  }

  async endProcesses(): Promise<void> {
    await Promise.all(this.processes.all.map((process) => process.kill()));
    await this.#lease.endCommands?.();
  }

  taint(reason: string): void {
    this.#lease.taint(reason);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.processes[Symbol.asyncDispose]();
  }

  #at(given: string): string {
    if (typeof given !== 'string' || given === '') throw invalidInput('path', 'is empty.');
    const absolute = path.posix.resolve(this.#lease.workdir, given);
    checkPath(absolute, 'path');
    return absolute;
  }
}
