import { Worker } from 'node:worker_threads';
import { errorMessage, LachesisError } from '../../../errors.ts';
import type { OutputChunk } from '../../contract/command.ts';
import { sandboxEndedByTenant, sandboxFault, sandboxGone } from '../../contract/faults.ts';
import type { FromThread, ThreadAnswers, ThreadData, ThreadRequest, ToThread } from './messages.ts';

interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly onChunk: ((chunk: OutputChunk) => void) | undefined;
  readonly isRun: boolean;
}

export interface ThreadCall<Kind extends keyof ThreadAnswers> {
  readonly id: number;
  readonly answer: Promise<ThreadAnswers[Kind]>;
}

/**
 * The thread that is one sandbox: its files and its interpreter. An endless loop in there holds up nobody
 * else, and a thread that no longer listens can be ended, which ends the sandbox.
 */
export class SimulatedThread {
  /** Fulfilled when it takes requests. */
  readonly ready: Promise<void>;
  readonly #sandboxId: string;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #onGone: () => void;
  #count = 0;
  #goneWhy: string | undefined;
  /** Its commands had it ended: they used up its heap. */
  #byTenant = false;
  #ended: Promise<void> | undefined;

  constructor(options: {
    readonly sandboxId: string;
    readonly data: ThreadData;
    readonly memoryMiB: number;
    readonly onGone: () => void;
  }) {
    this.#sandboxId = options.sandboxId;
    this.#onGone = options.onGone;
    const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
    this.#worker = new Worker(new URL(`./thread/main${ending}`, import.meta.url), {
      workerData: options.data,
      // Nothing of our own variables is there to be found.
      env: {},
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: options.memoryMiB },
      name: 'lachesis just-bash',
    });
    this.ready = new Promise((resolve, reject) => {
      this.#waiting.set(0, { resolve: () => resolve(), reject, onChunk: undefined, isRun: true });
    });
    // Whoever gave it up has its own reason.
    this.ready.catch(() => {});
    this.#worker.on('message', (message: FromThread) => this.#hear(message));
    this.#worker.on('messageerror', (error) => void this.end(errorMessage(error)));
    this.#worker.on('error', (error) => {
      const { code } = error as NodeJS.ErrnoException;
      if (this.#goneWhy === undefined) this.#byTenant = code === 'ERR_WORKER_OUT_OF_MEMORY';
      void this.end(`its thread failed: ${errorMessage(error)}`);
    });
    this.#worker.on('exit', (code) => void this.end(`its thread ended with code ${code}`));
  }

  get isGone(): boolean {
    return this.#goneWhy !== undefined;
  }

  assertThere(): void {
    if (this.#goneWhy !== undefined) throw this.#gone(this.#goneWhy);
  }

  /** Asks for one thing. The answer rejects with the thread's refusal, or when the sandbox is gone. */
  call<Kind extends keyof ThreadAnswers>(
    request: ThreadRequest & { readonly kind: Kind },
    onChunk?: (chunk: OutputChunk) => void,
  ): ThreadCall<Kind> {
    this.assertThere();
    this.#count += 1;
    const id = this.#count;
    const answer = new Promise<ThreadAnswers[Kind]>((resolve, reject) => {
      const settle = resolve as (answer: unknown) => void;
      this.#waiting.set(id, { resolve: settle, reject, onChunk, isRun: request.kind === 'run' });
    });
    this.#worker.ref();
    this.tell({ id, request });
    return { id, answer };
  }

  tell(message: ToThread): void {
    if (this.#goneWhy === undefined) this.#worker.postMessage(message);
  }

  /** Ends the thread, whatever it does. Idempotent. */
  end(why: string): Promise<void> {
    this.#goneWhy ??= why;
    this.#ended ??= this.#end();
    return this.#ended;
  }

  async #end(): Promise<void> {
    const gone = this.#gone(this.#goneWhy ?? 'it was ended');
    for (const { reject } of this.#waiting.values()) reject(gone);
    this.#waiting.clear();
    this.#onGone();
    await this.#worker.terminate();
  }

  #gone(why: string): LachesisError {
    return (this.#byTenant ? sandboxEndedByTenant : sandboxGone)(this.#sandboxId, why);
  }

  #hear(message: FromThread): void {
    const id = 'id' in message ? message.id : 0;
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    if ('stream' in message) {
      waiting.onChunk?.(message);
      return;
    }
    this.#waiting.delete(id);
    // It holds the process only while it works.
    if (this.#waiting.size === 0) this.#worker.unref();
    if ('failure' in message) {
      const { failure } = message;
      waiting.reject(waiting.isRun ? interpreterFailed(failure) : archiveFailed(failure));
    } else waiting.resolve('answer' in message ? message.answer : undefined);
  }
}

function archiveFailed(why: string): LachesisError {
  return new LachesisError('failed_precondition', why, { reason: 'ARCHIVE_FAILED' });
}

/** No script can bring that about: what it does wrong is its exit code. */
function interpreterFailed(why: string): LachesisError {
  return sandboxFault('The interpreter failed', new Error(why));
}
