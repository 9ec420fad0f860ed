export interface JustBashOptions {
  /** Heap of one sandbox's thread, of a spec that says nothing. Default: 512 MiB. */
  readonly memoryMiB?: number;
  /** All files of one sandbox together, of a spec that says nothing. Default: 256 MiB. */
  readonly diskMiB?: number;
}
