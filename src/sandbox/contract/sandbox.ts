import type { Command, ExecOptions, ExecResult, SandboxProcess } from './command.ts';
import type { IsolationLevel } from './isolation.ts';
import type { SandboxNetwork } from './spec.ts';

/**
 * A place where commands run. Every method that fails for the sandbox's or its provider's sake rejects with
 * an `infrastructure_error`; reason `SANDBOX_GONE` says that it will never work again.
 */
export interface Sandbox {
  /** As its backend names it. */
  readonly id: string;
  readonly backend: string;
  readonly isolation: IsolationLevel;
  /** Absolute. */
  readonly workdir: string;
  /** Runs a command to its end. */
  exec(command: Command, options?: ExecOptions): Promise<ExecResult>;
  /** Starts a command. */
  spawn(command: Command, options?: { readonly signal?: AbortSignal }): Promise<SandboxProcess>;
  /**
   * Unpacks a tar archive under `path`, a directory that is made when missing. Resolves with the bytes taken. One
   * that fails or is cancelled leaves what was unpacked by then, the last file perhaps cut off.
   */
  putArchive(
    path: string,
    tar: AsyncIterable<Uint8Array>,
    options?: TransferOptions,
  ): Promise<number>;
  /** Packs a file or directory as a tar archive; names in it begin at `path`'s last part. */
  getArchive(path: string, options?: TransferOptions): AsyncIterable<Uint8Array>;
  /** Undefined when nothing is there. Links are not followed. */
  stat(path: string, options?: TransferOptions): Promise<FileStat | undefined>;
  status(options?: TransferOptions): Promise<SandboxStatus>;
  /** Ends all that runs in it and gives it back to its provider. Idempotent. */
  terminate(): Promise<void>;
  /**
   * Where the backend can do so from outside, so that nothing in there can hinder it: ends all that runs in it,
   * but what it is itself made of. Rejects where something is left.
   */
  endCommands?(): Promise<void>;
  /** Where `capabilities.snapshots`: what a later `create` may be given as `image`. */
  snapshot?(options?: TransferOptions): Promise<string>;
  /** Where `capabilities.liveNetwork`. */
  setNetwork?(network: SandboxNetwork, options?: TransferOptions): Promise<void>;
  /** Where `capabilities.endpoints`: a URL under which the host reaches a port of the sandbox. */
  endpoint?(port: number, options?: TransferOptions): Promise<string>;
}

export interface TransferOptions {
  readonly signal?: AbortSignal;
}

export interface FileStat {
  readonly type: 'file' | 'directory' | 'link' | 'other';
  /** In bytes. */
  readonly size: number;
  /** Permission bits. */
  readonly mode: number;
  /** Milliseconds since the Unix epoch. */
  readonly modifiedMs: number;
}

export type SandboxStatus = 'running' | 'gone';
