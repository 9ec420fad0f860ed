import { startDeadline, untilAborted } from '../../async/index.ts';
import type { SandboxProcess } from '../contract/command.ts';
import { OutputCapture, outputBytes } from '../exec/output-capture.ts';
import { signalNumber } from '../exec/signal-number.ts';
import type { BackgroundProcess } from './background.ts';

/** For the last output to come after a program has ended; a child of it may hold the pipe for ever. */
const PIPE_GRACE_MS = 300;
/** For a killed program to be reported as ended. */
const KILL_GRACE_MS = 2_000;

const decoder = new TextDecoder();

/** One program that goes on by itself; its output is read as it comes. */
export class OneBackgroundProcess implements BackgroundProcess {
  readonly id: string;
  readonly script: string;
  readonly #process: SandboxProcess;
  readonly #output: OutputCapture;
  /** Settles when it has ended and its output is here. */
  readonly #ended: Promise<void>;
  #exitCode: number | undefined;
  #isRunning = true;

  constructor(
    process: SandboxProcess,
    options: { readonly id: string; readonly script: string; readonly maxOutputBytes: number },
  ) {
    this.id = options.id;
    this.script = options.script;
    this.#process = process;
    this.#output = new OutputCapture(options.maxOutputBytes, 0);
    const read = this.#read();
    this.#ended = this.#end(read);
    // Whoever waits for it is told; nobody has to.
    this.#ended.catch(() => {});
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  get exitCode(): number | undefined {
    return this.#exitCode;
  }

  output(): { readonly text: string; readonly droppedBytes: number } {
    const captured = this.#output.captured();
    let bytes = outputBytes(captured);
    let droppedBytes = captured.omittedBytes;
    // The end of a character whose beginning is dropped.
    while (droppedBytes > 0 && ((bytes[0] ?? 0) & 0xc0) === 0x80) {
      bytes = bytes.subarray(1);
      droppedBytes += 1;
    }
    return { text: decoder.decode(bytes), droppedBytes };
  }

  async wait({
    timeoutMs,
    signal,
  }: {
    readonly timeoutMs: number;
    readonly signal?: AbortSignal;
  }): Promise<boolean> {
    using patience = startDeadline({ timeoutMs, reason: () => undefined, signal });
    try {
      await untilAborted(this.#ended, { signal: patience });
      return true;
    } catch (error) {
      if (!patience.expired) throw error;
      return false;
    }
  }

  async write(text: string): Promise<void> {
    await this.#process.write(Buffer.from(text));
  }

  closeInput(): Promise<void> {
    return this.#process.closeInput();
  }

  async kill(): Promise<void> {
    if (!this.#isRunning) return;
    await this.#process.kill('SIGKILL');
    await this.wait({ timeoutMs: KILL_GRACE_MS });
  }

  /** Kills it, and reads no more of what may hold its output. */
  async end(): Promise<void> {
    try {
      await this.kill();
    } finally {
      this.#process.detach();
    }
  }

  async #read(): Promise<void> {
    for await (const { bytes } of this.#process.output) this.#output.push(bytes);
  }

  async #end(read: Promise<void>): Promise<void> {
    try {
      const exit = await this.#process.exited;
      using patience = startDeadline({ timeoutMs: PIPE_GRACE_MS, reason: () => undefined });
      // What a child goes on writing is still read; only nobody waits for it.
      await untilAborted(read, { signal: patience }).catch(() => {});
      this.#exitCode = exit.code ?? 128 + signalNumber(exit.signal);
    } finally {
      this.#isRunning = false;
      read.catch(() => {});
    }
  }
}
