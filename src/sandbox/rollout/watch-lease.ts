import { LachesisError } from '../../errors.ts';
import type { Command, ExecOptions, ExecResult, SandboxProcess } from '../contract/command.ts';
import { isSandboxGone, sandboxGone } from '../contract/faults.ts';
import type { IsolationLevel } from '../contract/isolation.ts';
import type { FileStat, SandboxStatus, TransferOptions } from '../contract/sandbox.ts';
import type { SandboxLease } from '../pool/lease.ts';

/** What ends a lease under its holder; LEASE_RELEASED is the holder's own doing. */
const TAKEN_BACK: readonly string[] = ['LEASE_EXPIRED', 'POOL_CLOSED'];

/**
 * The same lease; `onGone` is told each time when its sandbox turns out to be gone for its holder, by whatever
 * was asked of it: whoever asked may keep the error to himself.
 */
export function watchLease(
  lease: SandboxLease,
  onGone: (gone: LachesisError) => void,
): SandboxLease {
  return new WatchedLease(lease, onGone);
}

class WatchedLease implements SandboxLease {
  readonly endCommands?: NonNullable<SandboxLease['endCommands']>;
  readonly #lease: SandboxLease;
  readonly #onGone: (gone: LachesisError) => void;

  constructor(lease: SandboxLease, onGone: (gone: LachesisError) => void) {
    this.#lease = lease;
    this.#onGone = onGone;
    if (lease.endCommands !== undefined) {
      this.endCommands = () => this.#seen((async () => lease.endCommands?.())());
    }
  }

  get leaseId(): string {
    return this.#lease.leaseId;
  }

  get earlierUses(): number {
    return this.#lease.earlierUses;
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

  exec(command: Command, options?: ExecOptions): Promise<ExecResult> {
    return this.#seen(this.#lease.exec(command, options));
  }

  async spawn(
    command: Command,
    options?: { readonly signal?: AbortSignal },
  ): Promise<SandboxProcess> {
    const process = await this.#seen(this.#lease.spawn(command, options));
    process.exited.catch(this.#tell);
    return process;
  }

  putArchive(
    path: string,
    tar: AsyncIterable<Uint8Array>,
    options?: TransferOptions,
  ): Promise<number> {
    return this.#seen(this.#lease.putArchive(path, tar, options));
  }

  async *getArchive(path: string, options?: TransferOptions): AsyncGenerator<Uint8Array> {
    try {
      yield* this.#lease.getArchive(path, options);
    } catch (error) {
      this.#tell(error);
      throw error;
    }
  }

  stat(path: string, options?: TransferOptions): Promise<FileStat | undefined> {
    return this.#seen(this.#lease.stat(path, options));
  }

  async status(options?: TransferOptions): Promise<SandboxStatus> {
    const status = await this.#seen(this.#lease.status(options));
    if (status === 'gone') this.#tell(sandboxGone(this.id, 'its backend says so'));
    return status;
  }

  taint(reason: string): void {
    this.#lease.taint(reason);
  }

  release(): Promise<void> {
    return this.#lease.release();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  async #seen<Value>(asked: Promise<Value>): Promise<Value> {
    try {
      return await asked;
    } catch (error) {
      this.#tell(error);
      throw error;
    }
  }

  readonly #tell = (error: unknown): void => {
    if (!(error instanceof LachesisError)) return;
    if (isSandboxGone(error)) this.#onGone(error);
    else if (TAKEN_BACK.includes(error.reason)) {
      this.#onGone(sandboxGone(this.id, error.message, error));
    }
  };
}
