import { randomBytes } from 'node:crypto';
import { LachesisError } from '../../errors.ts';
import type { Command, ExecOptions, ExecResult, SandboxProcess } from '../contract/command.ts';
import type { IsolationLevel } from '../contract/isolation.ts';
import type { FileStat, Sandbox, SandboxStatus, TransferOptions } from '../contract/sandbox.ts';
import type { SandboxLease } from './lease.ts';
import { leaseReleased } from './refusals.ts';

/** A lease of a pool. What it still does when it ends is aborted. */
export class PoolLease implements SandboxLease {
  readonly leaseId = randomBytes(16).toString('hex');
  readonly earlierUses: number;
  readonly owner: string;
  readonly #sandbox: Sandbox;
  readonly #giveBack: (lease: PoolLease) => Promise<void>;
  readonly #end = new AbortController();
  #taint: string | undefined;
  #released: Promise<void> | undefined;

  constructor(options: {
    readonly sandbox: Sandbox;
    readonly owner: string;
    readonly earlierUses: number;
    readonly giveBack: (lease: PoolLease) => Promise<void>;
  }) {
    this.#sandbox = options.sandbox;
    this.owner = options.owner;
    this.earlierUses = options.earlierUses;
    this.#giveBack = options.giveBack;
  }

  get id(): string {
    return this.#sandbox.id;
  }

  get backend(): string {
    return this.#sandbox.backend;
  }

  get isolation(): IsolationLevel {
    return this.#sandbox.isolation;
  }

  get workdir(): string {
    return this.#sandbox.workdir;
  }

  /** Why the sandbox must not be used again; undefined when nothing is known against it. */
  get taintedBy(): string | undefined {
    return this.#taint;
  }

  taint(reason: string): void {
    this.#taint ??= reason;
  }

  async exec(command: Command, options: ExecOptions = {}): Promise<ExecResult> {
    const result = await this.#during(options, (bound) => this.#sandbox.exec(command, bound));
    if (result.leftRunning && (result.timedOut || result.aborted)) {
      this.taint('a command outlived its end');
    }
    return result;
  }

  spawn(
    command: Command,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<SandboxProcess> {
    return this.#during(options, (bound) => this.#sandbox.spawn(command, bound));
  }

  putArchive(
    path: string,
    tar: AsyncIterable<Uint8Array>,
    options: TransferOptions = {},
  ): Promise<number> {
    return this.#during(options, (bound) => this.#sandbox.putArchive(path, tar, bound));
  }

  async *getArchive(path: string, options: TransferOptions = {}): AsyncGenerator<Uint8Array> {
    const bound = this.#bound(options);
    try {
      yield* this.#sandbox.getArchive(path, bound);
    } catch (error) {
      throw this.#seen(error);
    }
  }

  stat(path: string, options: TransferOptions = {}): Promise<FileStat | undefined> {
    return this.#during(options, (bound) => this.#sandbox.stat(path, bound));
  }

  status(options: TransferOptions = {}): Promise<SandboxStatus> {
    return this.#during(options, (bound) => this.#sandbox.status(bound));
  }

  release(): Promise<void> {
    this.#released ??= this.#giveBackNow(leaseReleased(this.leaseId));
    return this.#released;
  }

  /** The pool takes it back; `giveBack` is not asked. */
  revoke(reason: LachesisError): void {
    this.#released ??= Promise.resolve();
    this.#end.abort(reason);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  #giveBackNow(reason: LachesisError): Promise<void> {
    this.#end.abort(reason);
    return this.#giveBack(this);
  }

  async #during<Options extends TransferOptions, Value>(
    options: Options,
    work: (bound: Options) => Promise<Value>,
  ): Promise<Value> {
    const bound = this.#bound(options);
    try {
      const value = await work(bound);
      // What an ended lease still brings is nobody's: its sandbox may have changed hands.
      this.#end.signal.throwIfAborted();
      return value;
    } catch (error) {
      throw this.#seen(error);
    }
  }

  #bound<Options extends TransferOptions>(options: Options): Options {
    this.#end.signal.throwIfAborted();
    const { signal } = options;
    const end = this.#end.signal;
    return { ...options, signal: signal === undefined ? end : AbortSignal.any([signal, end]) };
  }

  /** A sandbox that failed once is nobody else's problem. */
  #seen(error: unknown): unknown {
    if (error instanceof LachesisError && error.kind === 'infrastructure_error') {
      this.taint(error.reason);
    }
    return error;
  }
}
