import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { errorMessage, LachesisError } from '../../../errors.ts';
import { notCloneable } from './not-cloneable.ts';
import { type ThreadData, type ThreadMessage, unpackError } from './protocol.ts';
import { threadArguments } from './thread-arguments.ts';

export interface RewardThreadOptions {
  /** Of the module, as a file URL. */
  readonly href: string;
  readonly maxOldGenerationMb: number;
}

/** Who waits for the thread's next answer. */
interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** One thread with a reward module in it; one call at a time. It holds the process only while it works. */
export class RewardThread {
  /** Fulfilled when the module is loaded; rejected when it can't be, or the thread died over it. */
  readonly ready: Promise<void>;
  readonly #options: RewardThreadOptions;
  readonly #worker: Worker;
  #state: 'loading' | 'idle' | 'busy' | 'ended' = 'loading';
  #waiting: Waiting | undefined;
  #ending: Promise<unknown> | undefined;

  constructor(options: RewardThreadOptions) {
    this.#options = options;
    const workerData: ThreadData = { href: options.href };
    const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
    this.#worker = new Worker(new URL(`./thread-main${ending}`, import.meta.url), {
      workerData,
      execArgv: threadArguments(process.execArgv),
      resourceLimits: { maxOldGenerationSizeMb: options.maxOldGenerationMb },
      name: 'lachesis reward',
    });
    this.ready = new Promise((resolve, reject) => {
      this.#waiting = { resolve: () => resolve(), reject };
    });
    // Whoever gave it up has its own reason.
    this.ready.catch(() => {});
    this.#worker.on('message', (message: ThreadMessage) => this.#hear(message));
    this.#worker.on('messageerror', (error) => this.#die(error));
    this.#worker.on('error', (error) => this.#die(error));
    this.#worker.on('exit', (code) => this.#die(new Error(`it exited with code ${code}.`)));
  }

  /** Whether it waits for a call; after one that failed, whether it may have another. */
  get isIdle(): boolean {
    return this.#state === 'idle';
  }

  /** Scores one input. Rejects with what the module threw, or a typed error when the thread died. */
  run(input: object): Promise<unknown> {
    return new Promise((resolve, reject) => {
      try {
        this.#worker.postMessage(input);
      } catch (error) {
        reject(notCloneable(input, error));
        return;
      }
      this.#state = 'busy';
      this.#waiting = { resolve, reject };
      this.#worker.ref();
    });
  }

  /** Ends the thread, whatever it does; resolves when it is gone. */
  end(): Promise<unknown> {
    this.#state = 'ended';
    this.#ending ??= this.#worker.terminate();
    return this.#ending;
  }

  #hear(message: ThreadMessage): void {
    if (this.#state === 'ended') return;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (message.kind === 'load_failed') {
      this.#state = 'ended';
      waiting?.reject(loadFailed(this.#options.href, unpackError(message.error)));
      return;
    }
    this.#state = 'idle';
    this.#worker.unref();
    if (message.kind === 'threw') waiting?.reject(unpackError(message.error));
    else waiting?.resolve(message.kind === 'value' ? message.value : undefined);
  }

  #die(cause: Error): void {
    this.#state = 'ended';
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(died(cause, this.#options));
  }
}

/** A module that can't be loaded once can't be loaded again: the pool keeps this error. */
function loadFailed(href: string, cause: Error): LachesisError {
  return new LachesisError(
    'environment_error',
    `The reward module ${fileURLToPath(href)} could not be loaded: ${cause.message}`,
    { reason: 'REWARD_MODULE_LOAD', metadata: { module: href }, cause },
  );
}

function died(cause: Error, { href, maxOldGenerationMb }: RewardThreadOptions): LachesisError {
  const module = fileURLToPath(href);
  if ((cause as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return new LachesisError(
      'environment_error',
      `The reward module ${module} needed more than ${maxOldGenerationMb} MB.`,
      {
        reason: 'REWARD_WORKER_OUT_OF_MEMORY',
        remedy: "If it may, raise workerReward's maxOldGenerationMb.",
        cause,
      },
    );
  }
  return new LachesisError(
    'environment_error',
    `The thread of the reward module ${module} died: ${errorMessage(cause)}`,
    { reason: 'REWARD_WORKER_DIED', cause },
  );
}
