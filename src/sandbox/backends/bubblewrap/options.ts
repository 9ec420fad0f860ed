import type { HostTools } from './host-tools.ts';

export interface BubblewrapOptions {
  /**
   * User and group ids that are nobody else's, of which each live box is given its own, and one more that follows them; used when
   * we run as root. Two backends at a time should have ranges of their own. Default: 65,536 from 200,000.
   */
  readonly users?: { readonly first: number; readonly count: number };
  /** Folders of the host that every box sees read-only at the same place, such as `/opt/toolchain`. */
  readonly readOnlyPaths?: readonly string[];
  /** What a spec that says nothing is given. Default: 4 GiB of memory, 1 GiB of disk, 512 processes. */
  readonly defaults?: {
    readonly memoryMiB?: number;
    readonly diskMiB?: number;
    readonly pids?: number;
  };
  /** Of `/tmp`, and of the home directory. Default: 256. */
  readonly temporaryMiB?: number;
  /** In all writable places of a box together. Default: 262,144. */
  readonly files?: number;
  /** Of each process. Default: 1,024. */
  readonly openFiles?: number;
  /** For making a box. Default: 10 s. */
  readonly createTimeoutMs?: number;
  /** Where its programs are, if not in the system's folders. */
  readonly tools?: Partial<HostTools>;
}
