import type { Command, ExecOptions, ExecResult } from '../contract/command.ts';
import type { IsolationLevel } from '../contract/isolation.ts';
import type { FileStat, TransferOptions } from '../contract/sandbox.ts';
import type { BackgroundProcesses } from '../shell/background.ts';
import type { SandboxShell } from '../shell/shell.ts';

/**
 * The sandbox of one rollout, as its environment's functions have it: setup, tools and reward all see the same
 * one. None of the limits that tools put on a model are in the way here. It ends with the rollout.
 */
export interface RolloutSandbox {
  /** For the provenance. */
  readonly id: string;
  readonly backend: string;
  readonly isolation: IsolationLevel;
  readonly workdir: string;
  /** The agent's, whose state lasts; a reward that must not see it uses `exec`. */
  readonly shell: SandboxShell;
  /** What the agent started in the background. */
  readonly processes: BackgroundProcesses;
  /** A text is a bash script, in a shell of its own: nothing of the agent's shell is in it. */
  exec(command: string | Command, options?: ExecOptions): Promise<ExecResult>;
  /**
   * Byte for byte. Relative paths are of `workdir`. Refuses one above `maxBytes` (default 64 MiB); one that
   * is not there throws `not_found` (`FILE_NOT_FOUND`).
   */
  readFile(
    path: string,
    options?: TransferOptions & { readonly maxBytes?: number },
  ): Promise<Uint8Array>;
  readText(
    path: string,
    options?: TransferOptions & { readonly maxBytes?: number },
  ): Promise<string>;
  /** Makes missing folders. */
  writeFile(
    path: string,
    content: string | Uint8Array,
    options?: TransferOptions & { readonly mode?: number },
  ): Promise<void>;
  /** A file or a folder of the host, of any size, streamed. */
  upload(hostPath: string, path: string, options?: TransferOptions): Promise<void>;
  /** Streamed; refuses names and links that lead out of `hostPath`, and devices. */
  download(path: string, hostPath: string, options?: DownloadOptions): Promise<void>;
  stat(path: string, options?: TransferOptions): Promise<FileStat | undefined>;
  putArchive(
    path: string,
    tar: AsyncIterable<Uint8Array>,
    options?: TransferOptions,
  ): Promise<number>;
  getArchive(path: string, options?: TransferOptions): AsyncIterable<Uint8Array>;
  /**
   * Ends what the agent started in the background. Where the backend can reach them from outside (bubblewrap),
   * also all else that runs in it, such as what detached itself from its shell.
   */
  endProcesses(): Promise<void>;
  /** Says that the sandbox must not be used by another rollout. */
  taint(reason: string): void;
}

export interface DownloadOptions extends TransferOptions {
  /** Default: 1 GiB. */
  readonly maxBytes?: number;
  /** Files, folders and links. Default: 100,000. */
  readonly maxEntries?: number;
}
