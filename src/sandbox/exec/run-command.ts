import { setImmediate } from 'node:timers/promises';
import { type Clock, startDeadline, systemClock, untilAborted } from '../../async/index.ts';
import { invalidInput, LachesisError } from '../../errors.ts';
import type { ExecOptions, ExecResult, ProcessExit, SandboxProcess } from '../contract/command.ts';
import { OutputCapture } from './output-capture.ts';
import { signalNumber } from './signal-number.ts';
import { untilStarted } from './until-started.ts';

export const DEFAULT_TIMEOUT_MS = 60_000;
const DEFAULT_MAX_OUTPUT_BYTES = 1_048_576;
/** Between asking a command to end and ending it. */
const TERM_GRACE_MS = 2_000;
/** For a killed command to be reported as ended. */
const KILL_GRACE_MS = 2_000;
/** How long a child left behind may go on holding the command's pipes. */
const PIPE_GRACE_MS = 300;
/** Of the event loop, without a word of the command's: then nothing of it is left to be read. */
const QUIET_TURNS = 3;
/** Then something left behind goes on writing. */
const MAX_TURNS = 1_000;

/**
 * Runs what `start` starts to its end, on any backend: a deadline and a signal end the command (SIGTERM, then
 * SIGKILL) and never the sandbox, output is kept within bounds, and a child left behind holds nobody up.
 */
export async function runCommand(
  start: () => Promise<SandboxProcess>,
  options: ExecOptions & { readonly clock?: Clock } = {},
): Promise<ExecResult> {
  const { clock = systemClock, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  checkOptions(options);
  options.signal?.throwIfAborted();
  const startedMs = clock.now();
  using deadline = startDeadline({
    timeoutMs,
    clock,
    reason: () => commandTimeout(timeoutMs),
    signal: options.signal,
  });
  const process = await untilStarted(start(), deadline);
  const reader = new OutputReader(process, options, clock);
  const waiting = { signal: deadline };
  let exit: ProcessExit | undefined;
  let stopped: 'timedOut' | 'aborted' | undefined;
  let leftRunning = false;
  try {
    exit = await untilAborted(process.exited, waiting);
  } catch (error) {
    if (!deadline.aborted) {
      reader.stop();
      throw error;
    }
    stopped = deadline.expired ? 'timedOut' : 'aborted';
    reader.hurry();
    exit = await endCommand(process, clock);
    leftRunning = exit === undefined;
  }
  const heldOpen = !(await reader.finish(exit === undefined ? 0 : PIPE_GRACE_MS));
  if (reader.error !== undefined) throw reader.error;
  return {
    exitCode: exitCodeOf(exit, stopped),
    signal: exit?.signal,
    timedOut: stopped === 'timedOut',
    aborted: stopped === 'aborted',
    stdout: reader.stdout.captured(),
    stderr: reader.stderr.captured(),
    durationMs: clock.now() - startedMs,
    leftRunning: leftRunning || heldOpen,
  };
}

function checkOptions({ timeoutMs, maxOutputBytes }: ExecOptions): void {
  if (timeoutMs !== undefined && !(timeoutMs > 0)) {
    throw invalidInput('exec.timeoutMs', `is ${timeoutMs}; more than 0 is needed.`);
  }
  if (maxOutputBytes !== undefined && !(Number.isInteger(maxOutputBytes) && maxOutputBytes >= 0)) {
    throw invalidInput('exec.maxOutputBytes', `is ${maxOutputBytes}; a whole number is needed.`);
  }
}

function commandTimeout(timeoutMs: number): LachesisError {
  return new LachesisError('deadline_exceeded', `The command took longer than ${timeoutMs} ms.`, {
    reason: 'COMMAND_TIMEOUT',
  });
}

function exitCodeOf(exit: ProcessExit | undefined, stopped: string | undefined): number {
  if (stopped === 'timedOut') return 124;
  if (stopped === 'aborted') return 130;
  if (exit === undefined) return 137;
  return exit.code ?? 128 + signalNumber(exit.signal);
}

/** Undefined when it outlived even SIGKILL. */
async function endCommand(process: SandboxProcess, clock: Clock): Promise<ProcessExit | undefined> {
  for (const [signal, graceMs] of [
    ['SIGTERM', TERM_GRACE_MS],
    ['SIGKILL', KILL_GRACE_MS],
  ] as const) {
    using patience = startDeadline({ timeoutMs: graceMs, clock, reason: () => undefined });
    try {
      return await untilAborted(
        process.kill(signal).then(() => process.exited),
        { signal: patience },
      );
    } catch (error) {
      // A sandbox that is gone took the command with it, and its own error is what there is to say.
      if (!patience.aborted) throw error;
    }
  }
  return undefined;
}

/** Reads both streams of a command into what is kept of them. */
class OutputReader {
  readonly stdout: OutputCapture;
  readonly stderr: OutputCapture;
  error: unknown;
  readonly #process: SandboxProcess;
  readonly #onChunk: ExecOptions['onChunk'];
  readonly #clock: Clock;
  readonly #hurry = new AbortController();
  readonly #done: Promise<void>;
  #isDone = false;
  #chunks = 0;
  /** Milliseconds spent on `onChunk`, which are no fault of the command's. */
  #busyMs = 0;
  #busySince: number | undefined;

  constructor(process: SandboxProcess, options: ExecOptions, clock: Clock) {
    const { maxOutputBytes = DEFAULT_MAX_OUTPUT_BYTES } = options;
    this.stdout = new OutputCapture(maxOutputBytes);
    this.stderr = new OutputCapture(maxOutputBytes);
    this.#process = process;
    this.#onChunk = options.onChunk;
    this.#clock = clock;
    this.#done = this.#read().then(
      () => {
        this.#isDone = true;
      },
      (error: unknown) => {
        this.#isDone = true;
        this.error = error;
      },
    );
  }

  /** `onChunk` is waited for no more. */
  hurry(): void {
    this.#hurry.abort();
  }

  stop(): void {
    this.hurry();
    this.#process.detach();
  }

  /** Reads on until the pipes are closed, but no longer than this. False when they were still held then. */
  async finish(graceMs: number): Promise<boolean> {
    const untilMs = this.#clock.now() + graceMs - this.#spentMs();
    while (!this.#isDone) {
      const leftMs = untilMs + this.#spentMs() - this.#clock.now();
      if (leftMs <= 0) {
        await this.#readWhatIsThere();
        if (this.#isDone) return true;
        this.stop();
        await this.#done;
        return false;
      }
      await this.#doneWithin(leftMs);
    }
    return true;
  }

  /**
   * Timers go before pipes: where this process was busy for as long as the grace, what the command wrote, and
   * that it closed its pipes, is not read yet. Turn by turn, until one brings nothing.
   */
  async #readWhatIsThere(): Promise<void> {
    let quiet = 0;
    for (let turn = 0; turn < MAX_TURNS && quiet < QUIET_TURNS && !this.#isDone; turn++) {
      const before = this.#chunks;
      await setImmediate();
      quiet = this.#chunks === before ? quiet + 1 : 0;
    }
  }

  #spentMs(): number {
    return this.#busyMs + (this.#busySince === undefined ? 0 : this.#clock.now() - this.#busySince);
  }

  async #doneWithin(ms: number): Promise<void> {
    using patience = startDeadline({ timeoutMs: ms, clock: this.#clock, reason: () => undefined });
    await untilAborted(this.#done, { signal: patience }).catch(() => {});
  }

  async #read(): Promise<void> {
    for await (const chunk of this.#process.output) {
      this.#chunks += 1;
      this[chunk.stream].push(chunk.bytes);
      const told = this.#onChunk?.(chunk);
      if (told === undefined) continue;
      if (this.#hurry.signal.aborted) {
        // Nobody waits for it; what it throws then must not end this process.
        told.catch(() => {});
        continue;
      }
      this.#busySince = this.#clock.now();
      await untilAborted(told, { signal: this.#hurry.signal }).catch((error: unknown) => {
        if (!this.#hurry.signal.aborted) throw error;
      });
      this.#busyMs += this.#clock.now() - this.#busySince;
      this.#busySince = undefined;
    }
  }
}
