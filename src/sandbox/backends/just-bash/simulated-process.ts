import { systemClock } from '../../../async/index.ts';
import type { OutputChunk, ProcessExit, SandboxProcess } from '../../contract/command.ts';
import { OutputQueue } from '../../exec/output-queue.ts';
import type { RunRequest } from './messages.ts';
import type { SimulatedThread } from './simulated-thread.ts';

/** How long a command that is killed may go on before its thread is ended, and the sandbox with it. */
const STUCK_MS = 1_500;

type Signal = 'SIGINT' | 'SIGTERM' | 'SIGKILL';

/** A command of the interpreter. It knows no signals: each of them stops it at its next step. */
export class SimulatedProcess implements SandboxProcess {
  readonly id: string;
  readonly output: OutputQueue;
  readonly exited: Promise<ProcessExit>;
  readonly #thread: SimulatedThread;
  readonly #call: number;
  readonly #stop = new Int32Array(new SharedArrayBuffer(4));
  #signal: Signal | undefined;
  #hasExited = false;
  #unread = 0;
  #callOff: (() => void) | undefined;

  constructor(thread: SimulatedThread, request: Omit<RunRequest, 'kind' | 'stop'>) {
    this.#thread = thread;
    this.output = new OutputQueue(() => this.#tellRead());
    const stop = this.#stop.buffer as SharedArrayBuffer;
    const { id, answer } = thread.call({ ...request, kind: 'run', stop }, (chunk) =>
      this.#take(chunk),
    );
    this.#call = id;
    this.id = String(id);
    this.exited = answer
      .then(({ code, stopped }): ProcessExit => {
        return stopped && this.#signal !== undefined ? { signal: this.#signal } : { code };
      })
      .finally(() => {
        this.#hasExited = true;
        this.#callOff?.();
        this.output.end();
      });
    // Whoever waits for it is told; nobody has to.
    this.exited.catch(() => {});
  }

  /** Its input was given whole when it was started. */
  async write(): Promise<void> {}

  async closeInput(): Promise<void> {}

  async kill(signal: Signal): Promise<void> {
    if (this.#hasExited) return;
    this.#signal = signal;
    Atomics.store(this.#stop, 0, 1);
    this.#thread.tell({ id: this.#call, stop: true });
    if (signal !== 'SIGKILL' || this.#callOff !== undefined) return;
    this.#callOff = systemClock.schedule(STUCK_MS, () => {
      void this.#thread.end('a command in it could not be stopped');
    });
  }

  detach(): void {
    this.output.end();
    this.#tellRead();
  }

  #take({ stream, bytes }: OutputChunk): void {
    this.#unread += bytes.length;
    if (this.output.push(stream, bytes)) this.#tellRead();
  }

  #tellRead(): void {
    if (this.#unread > 0) this.#thread.tell({ id: this.#call, read: this.#unread });
    this.#unread = 0;
  }
}
