/** Programs that go on while the agent does other things; they end with the lease, at the latest. */
export interface BackgroundProcesses {
  /** Starts a script in the shell's directory with its exported variables. Refuses one too many (default 16). */
  start(script: string, options?: BackgroundStart): Promise<BackgroundProcess>;
  /** In the order in which they were started. */
  readonly all: readonly BackgroundProcess[];
  get(id: string): BackgroundProcess | undefined;
}

export interface BackgroundStart {
  /** Absolute. Default: the shell's. */
  readonly cwd?: string;
  /**
   * Gives it a terminal of 120 x 40, for programs that want one; it is run by `script` of util-linux, which the
   * sandbox needs then. Of the shell's state it has the directory and what is exported.
   */
  readonly pty?: boolean;
  readonly signal?: AbortSignal;
}

export interface BackgroundProcess {
  /** `proc_1`, `proc_2`, ... */
  readonly id: string;
  readonly script: string;
  /** Undefined while it runs; as a shell says it. */
  readonly exitCode: number | undefined;
  /** Both streams, the last bytes of it (default 200,000), and how many came before them. */
  output(): { readonly text: string; readonly droppedBytes: number };
  /** Resolves when it has ended, or at the time-out, with whether it has. */
  wait(options: { readonly timeoutMs: number; readonly signal?: AbortSignal }): Promise<boolean>;
  write(text: string): Promise<void>;
  closeInput(): Promise<void>;
  /** It and all of its process group. */
  kill(): Promise<void>;
}
