/** A program to run. Nothing of it is read by a shell. */
export interface Command {
  /** The program and its arguments; at most 64 KiB together: what is longer goes by `stdin`. */
  readonly argv: readonly [string, ...string[]];
  /** Absolute. Default: the sandbox's `workdir`. */
  readonly cwd?: string;
  /** On top of the sandbox's. */
  readonly env?: Readonly<Record<string, string>>;
  /** What it reads, after which its input is closed. Default: nothing. `open` leaves it to `write`. */
  readonly stdin?: Uint8Array | AsyncIterable<Uint8Array> | 'open';
}

/** How it ended, as the sandbox says it: with a code, or by a signal. */
export type ProcessExit =
  | { readonly code: number; readonly signal?: undefined }
  | { readonly signal: string; readonly code?: undefined };

export type OutputStream = 'stdout' | 'stderr';

export interface OutputChunk {
  readonly stream: OutputStream;
  readonly bytes: Uint8Array;
}

/** A program under way in a sandbox. What is not read holds it back, as a pipe does. */
export interface SandboxProcess {
  /** As the backend names it; for people and logs. */
  readonly id: string;
  /** Both streams as they come; ends when nothing can write to them any more. To be read once. */
  readonly output: AsyncIterable<OutputChunk>;
  /** Rejects only with an infrastructure fault: a sandbox that is gone is no exit code. */
  readonly exited: Promise<ProcessExit>;
  /** With `stdin: 'open'`. Resolves when it was taken. */
  write(bytes: Uint8Array): Promise<void>;
  closeInput(): Promise<void>;
  /** Tells the program and all that it started and left in its process group. No-op once it has ended. */
  kill(signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Reads no more: `output` ends, whoever still holds the pipes. No-op once it has ended. */
  detach(): void;
}

export interface ExecOptions {
  /** Infinity for none. Default: 60 s. It ends the command, never the sandbox. */
  readonly timeoutMs?: number;
  /** Most bytes kept of each stream; 40 % of the beginning and 60 % of the end. Default: 1 MiB. */
  readonly maxOutputBytes?: number;
  /** Ends the command; `exec` then resolves with `aborted`. */
  readonly signal?: AbortSignal;
  /** Told of all output as it comes, also of what is not kept. What it returns is waited for. */
  readonly onChunk?: (chunk: OutputChunk) => void | Promise<void>;
}

/** What a command did. The flags tell a time-out from a program that itself returned 124. */
export interface ExecResult {
  /** As a shell says it: 124 timed out, 130 aborted, 128 + n ended by signal n. */
  readonly exitCode: number;
  /** Such as `SIGKILL`; undefined when it ended by itself. */
  readonly signal: string | undefined;
  readonly timedOut: boolean;
  readonly aborted: boolean;
  readonly stdout: CapturedOutput;
  readonly stderr: CapturedOutput;
  readonly durationMs: number;
  /** True when something of the command may still run in the sandbox: it holds pipes, or outlived its kill. */
  readonly leftRunning: boolean;
}

/** The kept bytes of one stream. Nothing is missing between them unless `omittedBytes` says so. */
export interface CapturedOutput {
  readonly head: Uint8Array;
  readonly tail: Uint8Array;
  readonly omittedBytes: number;
  readonly totalBytes: number;
}
