import type { ProcessLimits } from '../local/command-script.ts';

/** What one box is made of, with every default filled in. */
export interface BoxPlan {
  /** A folder of the host that holds a root file system; undefined for the host's own `/usr`. */
  readonly rootfs: string | undefined;
  /** Folders of the host shown read-only at the same place. */
  readonly readOnlyPaths: readonly string[];
  readonly workdir: string;
  /** Beside the working directory, `/tmp` and the home directory. */
  readonly writable: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly network: 'none' | 'open';
  /** Who it runs as, outside and inside. */
  readonly uid: number;
  readonly gid: number;
  readonly limits: ProcessLimits;
  /** Of the working directory, and of each folder of `writable`. */
  readonly diskMiB: number;
  /** Of `/tmp`, and of the home directory. */
  readonly temporaryMiB: number;
  /** All its processes together. */
  readonly memoryMiB: number;
  /** In the writable places together. */
  readonly files: number;
}

export const HOME = '/home/agent';

/** Of every command, under the spec's own. */
export const BASE_ENV: Readonly<Record<string, string>> = Object.freeze({
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME,
  USER: 'agent',
  LANG: 'C.UTF-8',
  TERM: 'dumb',
  PAGER: 'cat',
  GIT_TERMINAL_PROMPT: '0',
  DEBIAN_FRONTEND: 'noninteractive',
});
