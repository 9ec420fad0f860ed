import { onAbort } from '../../async/index.ts';
import type { OutputChunk, ProcessExit, SandboxProcess } from '../contract/command.ts';

/** A process that obeys its tenant only while the lease lasts: after it the sandbox may be another's. */
export class LeasedProcess implements SandboxProcess {
  readonly #process: SandboxProcess;
  readonly #end: AbortSignal;

  constructor(process: SandboxProcess, end: AbortSignal) {
    this.#process = process;
    this.#end = end;
    if (end.aborted) {
      // It came too late for anybody to have it; what it can't be told, the end of its sandbox tells it.
      process.kill('SIGKILL').catch(() => {});
      process.detach();
      return;
    }
    // Who reads its output is not kept waiting by a sandbox that goes on.
    const callOff = onAbort(end, () => process.detach());
    process.exited.then(callOff, callOff);
  }

  get id(): string {
    return this.#process.id;
  }

  get output(): AsyncIterable<OutputChunk> {
    return this.#process.output;
  }

  get exited(): Promise<ProcessExit> {
    return this.#process.exited;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#end.throwIfAborted();
    await this.#process.write(bytes);
  }

  async closeInput(): Promise<void> {
    this.#end.throwIfAborted();
    await this.#process.closeInput();
  }

  /** No-op after the lease, which ended it. */
  async kill(signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (!this.#end.aborted) await this.#process.kill(signal);
  }

  detach(): void {
    this.#process.detach();
  }
}
