import type { CapturedOutput, ExecResult } from '../contract/command.ts';

/**
 * A shell whose working directory, exported variables, functions and aliases last from one command to the
 * next, though each runs in a bash of its own: what one command breaks is broken for that command only.
 */
export interface SandboxShell {
  /** Where the next command begins; if that is gone by then, it says so and begins in the sandbox's `workdir`, or in `/`. */
  readonly cwd: string;
  /** Of a command that names no time, where whoever opened it said so. */
  readonly timeoutMs?: number | undefined;
  /** Runs a script; one at a time, later ones wait. Both streams come as one, in `output`. */
  run(script: string, options?: ShellOptions): Promise<ShellResult>;
}

export interface ShellOptions {
  /** Absolute, or relative to where the shell is; for this command alone. */
  readonly cwd?: string;
  /** Default: 60 s. */
  readonly timeoutMs?: number;
  /** Of what is kept of the output. Default: 50,000. */
  readonly maxOutputBytes?: number;
  /** Told of all output as it comes, also of what is not kept. */
  readonly onOutput?: (bytes: Uint8Array) => void;
  readonly signal?: AbortSignal;
}

export interface ShellResult extends Omit<ExecResult, 'stdout' | 'stderr'> {
  readonly output: CapturedOutput;
  /** Absolute; where the shell is now. */
  readonly cwd: string;
  /** True when the command ended so that nothing it changed of the shell is known: the state is the one before. */
  readonly stateLost: boolean;
  /** Why, where it is lost. */
  readonly stateLostBy?: StateLoss;
}

/**
 * `ended`: the command ended the shell, or was ended. `too_large`: its variables and functions are more than is
 * kept. `directory_name`: it went to a directory that can't be named to another shell: more than 4,096 bytes
 * long, or no UTF-8.
 */
export type StateLoss = 'ended' | 'too_large' | 'directory_name';
