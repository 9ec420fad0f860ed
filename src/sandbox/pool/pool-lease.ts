import { randomBytes } from 'node:crypto';
import { type ErrorKind, LachesisError } from '../../errors.ts';
import type { Command, ExecOptions, ExecResult, SandboxProcess } from '../contract/command.ts';
import type { IsolationLevel } from '../contract/isolation.ts';
import type { FileStat, Sandbox, SandboxStatus, TransferOptions } from '../contract/sandbox.ts';
import type { SandboxLease } from './lease.ts';
import { LeasedProcess } from './leased-process.ts';
import { leaseReleased } from './refusals.ts';

/** Errors of a caller, which say nothing against the sandbox. */
const HARMLESS: readonly ErrorKind[] = [
  'invalid_input',
  'not_found',
  'already_exists',
  'failed_precondition',
  'out_of_range',
  'permission_denied',
  'unimplemented',
];

/** A lease of a pool. What it still does when it ends is aborted, and leaves the sandbox in doubt. */
export class PoolLease implements SandboxLease {
  readonly leaseId = randomBytes(16).toString('hex');
  readonly earlierUses: number;
  readonly owner: string;
  readonly endCommands?: NonNullable<Sandbox['endCommands']>;
  readonly #sandbox: Sandbox;
  readonly #giveBack: () => Promise<void>;
  readonly #onExec: (durationMs: number) => void;
  readonly #end = new AbortController();
  #taint: string | undefined;
  /** Calls of the sandbox that have not ended. */
  #busy = 0;
  #wasUsed = false;
  #released: Promise<void> | undefined;

  constructor(options: {
    readonly sandbox: Sandbox;
    readonly owner: string;
    readonly earlierUses: number;
    readonly giveBack: () => Promise<void>;
    /** Told how long a command took. */
    readonly onExec?: (durationMs: number) => void;
  }) {
    const { sandbox } = options;
    this.#sandbox = sandbox;
    if (sandbox.endCommands !== undefined) {
      this.endCommands = () => this.#during({}, async () => sandbox.endCommands?.());
    }
    this.owner = options.owner;
    this.earlierUses = options.earlierUses;
    this.#giveBack = options.giveBack;
    this.#onExec = options.onExec ?? (() => {});
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

  /** Whether anything was asked of the sandbox. */
  get wasUsed(): boolean {
    return this.#wasUsed;
  }

  taint(reason: string): void {
    this.#taint ??= reason;
  }

  async exec(command: Command, options: ExecOptions = {}): Promise<ExecResult> {
    const result = await this.#during(options, (bound) => this.#sandbox.exec(command, bound));
    this.#onExec(result.durationMs);
    if (result.leftRunning && (result.timedOut || result.aborted)) {
      this.taint('a command outlived its end');
    }
    return result;
  }

  spawn(
    command: Command,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<SandboxProcess> {
    return this.#during(
      options,
      async (bound) =>
        new LeasedProcess(await this.#sandbox.spawn(command, bound), this.#end.signal),
    );
  }

  putArchive(
    path: string,
    tar: AsyncIterable<Uint8Array>,
    options: TransferOptions = {},
  ): Promise<number> {
    return this.#during(options, (bound) => this.#sandbox.putArchive(path, tar, bound));
  }

  async *getArchive(path: string, options: TransferOptions = {}): AsyncGenerator<Uint8Array> {
    const bound = this.#begin(options);
    try {
      yield* this.#sandbox.getArchive(path, bound);
    } catch (error) {
      throw this.#seen(error);
    } finally {
      this.#busy -= 1;
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
    // It may still begin or go on while the next one has the sandbox.
    if (this.#busy > 0) this.taint('it was in use when it was given back');
    this.#end.abort(reason);
    return this.#giveBack();
  }

  async #during<Options extends TransferOptions, Value>(
    options: Options,
    work: (bound: Options) => Promise<Value>,
  ): Promise<Value> {
    const bound = this.#begin(options);
    try {
      const value = await work(bound);
      // What an ended lease still brings is nobody's: its sandbox may have changed hands.
      this.#end.signal.throwIfAborted();
      return value;
    } catch (error) {
      throw this.#seen(error);
    } finally {
      this.#busy -= 1;
    }
  }

  #begin<Options extends TransferOptions>(options: Options): Options {
    this.#end.signal.throwIfAborted();
    this.#wasUsed = true;
    this.#busy += 1;
    const { signal } = options;
    const end = this.#end.signal;
    return { ...options, signal: signal === undefined ? end : AbortSignal.any([signal, end]) };
  }

  /** A sandbox that failed once is nobody else's problem, nor is one where work was cut off. */
  #seen(error: unknown): unknown {
    if (!(error instanceof LachesisError)) this.taint('a call was cut off');
    else if (!HARMLESS.includes(error.kind)) this.taint(error.reason);
    return error;
  }
}
