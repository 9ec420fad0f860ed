import { Worker } from 'node:worker_threads';
import type { LachesisError } from '../../../errors.ts';
import { notCloneable } from './not-cloneable.ts';
import { type ThreadCall, type ThreadData, type ThreadMessage, unpackError } from './protocol.ts';
import { threadArguments } from './thread-arguments.ts';
import { died, loadFailed, noFunction, unsendable } from './thread-failures.ts';

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
  #calls = 0;
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
    this.#worker.on('message', (message: unknown) => {
      if (this.#isAwaited(message)) this.#hear(message);
    });
    this.#worker.on('messageerror', (error) => this.#die(error));
    this.#worker.on('error', (error) => this.#die(error));
    this.#worker.on('exit', (code) => this.#die(new Error(`it exited with code ${code}`)));
  }

  /** Whether it waits for a call; after one that failed, whether it may have another. */
  get isIdle(): boolean {
    return this.#state === 'idle';
  }

  /** Scores one input. Rejects with what the module threw, or a typed error when the thread died. */
  run(input: object): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#state !== 'idle') {
        reject(died(this.#options, new Error('it was gone before the call')));
        return;
      }
      const call: ThreadCall = { call: this.#calls + 1, input };
      try {
        this.#worker.postMessage(call);
      } catch (error) {
        reject(notCloneable(input, error));
        return;
      }
      this.#calls = call.call;
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

  /**
   * Whether it is what the thread owes now. The module shares the port and may post what it likes:
   * that must not pass for an answer, least of all to another rollout's call.
   */
  #isAwaited(message: unknown): message is ThreadMessage {
    const { kind, call } = Object(message) as { readonly kind?: unknown; readonly call?: unknown };
    switch (kind) {
      case 'ready':
      case 'load_failed':
      case 'no_function':
        return this.#state === 'loading';
      case 'value':
      case 'threw':
      case 'unsendable':
        return this.#state === 'busy' && call === this.#calls;
      default:
        return false;
    }
  }

  #hear(message: ThreadMessage): void {
    const { href } = this.#options;
    switch (message.kind) {
      case 'load_failed':
        this.#fail(loadFailed(href, unpackError(message.error)));
        break;
      case 'no_function':
        this.#fail(noFunction(href));
        break;
      case 'ready':
        this.#rest()?.resolve(undefined);
        break;
      case 'value':
        this.#rest()?.resolve(message.value);
        break;
      case 'threw':
        this.#rest()?.reject(unpackError(message.error));
        break;
      case 'unsendable':
        this.#rest()?.reject(unsendable(href, unpackError(message.error)));
        break;
    }
  }

  #rest(): Waiting | undefined {
    this.#state = 'idle';
    this.#worker.unref();
    return this.#takeWaiting();
  }

  #die(cause: unknown): void {
    this.#fail(died(this.#options, cause));
  }

  #fail(error: LachesisError): void {
    this.#state = 'ended';
    this.#takeWaiting()?.reject(error);
  }

  #takeWaiting(): Waiting | undefined {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    return waiting;
  }
}
