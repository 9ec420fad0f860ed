import { startDeadline } from '../../async/index.ts';
import { modelError, modelTimeout } from '../model-errors.ts';
import { engineError } from './engine-errors.ts';
import { JsonHttp, type JsonHttpOptions } from './json-http.ts';
import { ReplyReader } from './read-reply.ts';
import { Retries, type RetryOptions } from './retries.ts';

export interface ConnectionOptions extends JsonHttpOptions {
  /** Longest one call may take, its waits and repeats included. Default: 10 minutes; 0 for no limit. */
  readonly timeoutMs?: number;
  readonly retries?: RetryOptions;
}

/** The way to one server, with a deadline around every call and a budget of repeats for all of them. */
export class EngineConnection {
  readonly http: JsonHttp;
  readonly reader: ReplyReader;
  readonly #name: string;
  readonly #timeoutMs: number;
  readonly #retries: Retries;
  readonly #closed = new AbortController();

  constructor(options: ConnectionOptions) {
    this.http = new JsonHttp(options);
    this.reader = new ReplyReader(options.name, this.http.secrets);
    this.#name = options.name;
    this.#timeoutMs = options.timeoutMs ?? 600_000;
    this.#retries = new Retries(options.retries);
  }

  /** Runs a call within its deadline; a signal that fires ends it with its reason. */
  async within<Value>(
    signal: AbortSignal,
    run: (signal: AbortSignal) => Promise<Value>,
  ): Promise<Value> {
    const timeoutMs = this.#timeoutMs;
    using deadline = startDeadline({
      timeoutMs: timeoutMs > 0 ? timeoutMs : Infinity,
      reason: () => new DOMException(`No answer within ${timeoutMs} ms.`, 'TimeoutError'),
      signal: AbortSignal.any([signal, this.#closed.signal]),
    });
    try {
      return await run(deadline.signal);
    } catch (thrown) {
      signal.throwIfAborted();
      if (deadline.expired) throw modelTimeout(`${this.#name} gave no answer`, timeoutMs);
      throw this.http.secrets.hideIn(engineError(thrown));
    }
  }

  /** As {@link within}, asked again where no answer began; `attempt` is told how often it was made before. */
  retried<Value>(
    signal: AbortSignal,
    attempt: (signal: AbortSignal, repeats: number) => Promise<Value>,
  ): Promise<Value> {
    return this.within(signal, (inner) =>
      this.#retries.run(inner, (repeats) => attempt(inner, repeats)),
    );
  }

  close(): void {
    this.#closed.abort(
      modelError(`The engine of ${this.#name} was closed.`, { reason: 'ENGINE_CLOSED' }),
    );
    this.http.close();
  }
}
