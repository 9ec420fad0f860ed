import { Worker } from 'node:worker_threads';
import { errorMessage, LachesisError } from '../../../errors.ts';
import type { Job, JobResults, ThreadAnswer } from './protocol.ts';
import { unpackError } from './thrown-error.ts';

export interface JobThreadOptions {
  /** Most memory of its heap. */
  readonly maxHeapMb: number;
  /** What runs in it. Default: the file beside this one. */
  readonly file?: URL;
}

interface Waiting {
  readonly resolve: (result: JobResults[Job['kind']]) => void;
  readonly reject: (error: unknown) => void;
}

/** One thread, one job at a time. It holds the process only while it works. */
export class JobThread {
  readonly #worker: Worker;
  readonly #maxHeapMb: number;
  #waiting: Waiting | undefined;
  #isGone = false;
  #ending: Promise<unknown> | undefined;

  constructor({ maxHeapMb, file }: JobThreadOptions) {
    this.#maxHeapMb = maxHeapMb;
    const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
    this.#worker = new Worker(file ?? new URL(`./thread-main${ending}`, import.meta.url), {
      // It imports by path only; and of the process's own options a thread refuses some.
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: maxHeapMb },
      name: 'lachesis atropos',
    });
    this.#worker.on('message', (answer: ThreadAnswer) => this.#hear(answer));
    this.#worker.on('messageerror', (error) => this.#die(error));
    this.#worker.on('error', (error) => this.#die(error));
    this.#worker.on('exit', (code) => this.#die(new Error(`it exited with code ${code}`)));
    this.#worker.unref();
  }

  /** Whether it can be given a job. */
  get isIdle(): boolean {
    return !this.#isGone && this.#waiting === undefined;
  }

  /** Rejects with what the job threw, and with a typed error when the thread died over it. */
  run(job: Job, transfer: readonly ArrayBuffer[]): Promise<JobResults[Job['kind']]> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#worker.ref();
      this.#worker.postMessage(job, transfer);
    });
  }

  /** Ends it, whatever it does; its job is rejected with `reason`. Resolves when it is gone. */
  async end(reason: unknown): Promise<void> {
    this.#isGone = true;
    this.#takeWaiting()?.reject(reason);
    this.#ending ??= this.#worker.terminate();
    await this.#ending;
  }

  #hear(answer: ThreadAnswer): void {
    const waiting = this.#takeWaiting();
    this.#worker.unref();
    if (answer.kind === 'done') waiting?.resolve(answer.result);
    else waiting?.reject(unpackError(answer.error));
  }

  #die(cause: unknown): void {
    this.#isGone = true;
    this.#takeWaiting()?.reject(died(cause, this.#maxHeapMb));
  }

  #takeWaiting(): Waiting | undefined {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    return waiting;
  }
}

/** Who sends the same body again would meet the same end: it is refused like one that is too large. */
function died(cause: unknown, maxHeapMb: number): LachesisError {
  if (cause instanceof Error && 'code' in cause && cause.code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return new LachesisError('invalid_input', `It takes more than ${maxHeapMb} MB of memory.`, {
      reason: 'BODY_TOO_LARGE',
      remedy: 'Send fewer groups at once, or smaller ones.',
      field: 'body',
      cause,
    });
  }
  return new LachesisError(
    'internal',
    `The thread that reads bodies died: ${errorMessage(cause)}`,
    {
      reason: 'THREAD_DIED',
      cause,
    },
  );
}
