import { type ClientRequest, Agent as HttpAgent, type IncomingMessage, request } from 'node:http';
import { Agent as HttpsAgent, request as requestTls } from 'node:https';
import { onAbort } from '../../async/index.ts';
import { invalidInput, LachesisError } from '../../errors.ts';
import { readRetryAfter } from '../direct/direct-errors.ts';
import { eventData } from './event-stream.ts';
import { cutOff, notJson, statusError, tooLarge, unreached } from './http-errors.ts';
import { Secrets } from './secrets.ts';

export interface JsonHttpOptions {
  /** Names the server in messages: `the vLLM server`. */
  readonly name: string;
  /** Its root, without the route. A user and password in it are sent, and shown nowhere. */
  readonly url: string;
  /** Sent as a bearer token; shown nowhere. */
  readonly apiKey?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: 64. */
  readonly maxConnections?: number;
  /** Calls that may wait for a connection. Default: 1,024. */
  readonly maxWaiting?: number;
  /** Default: 64 MiB. */
  readonly maxResponseBytes?: number;
  /** Longest a connection may take to stand. Default: 5 s. */
  readonly connectTimeoutMs?: number;
}

export interface JsonCall {
  readonly method: 'GET' | 'POST';
  /** Below the root, with its leading slash. */
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** Longest line of an event stream, in characters: one event holds the tokens of a moment. */
const MAX_EVENT_LENGTH = 4 * 1_048_576;

/** Headers whose value proves who one is. */
const secretHeader = /authorization|cookie|key|token|secret|password/i;

/** Longest an idle connection is kept: less than the 5 s after which uvicorn closes it. */
const IDLE_MS = 4_000;

/**
 * JSON over HTTP to one server, over connections of its own. It sets no time limit but the signal's,
 * since a generation may take longer than any client's default, and a signal that fires closes the
 * connection, which is how these servers learn that nobody waits. It never retries.
 */
export class JsonHttp {
  readonly name: string;
  /** As it may be shown. */
  readonly shownUrl: string;
  readonly #root: URL;
  readonly #agent: HttpAgent;
  readonly #headers: Readonly<Record<string, string>>;
  /** What must not be shown of an answer. */
  readonly secrets: Secrets;
  readonly #options: Required<
    Pick<JsonHttpOptions, 'maxConnections' | 'maxWaiting' | 'maxResponseBytes' | 'connectTimeoutMs'>
  >;
  #calls = 0;

  constructor(options: JsonHttpOptions) {
    const root = parseUrl(options.url);
    assertKey(options.apiKey);
    const { username, password } = root;
    root.username = '';
    root.password = '';
    this.name = options.name;
    this.#root = root;
    this.shownUrl = `${root.origin}${root.pathname.replace(/\/+$/, '')}`;
    const user = decoded(username);
    const word = decoded(password);
    const basic = Buffer.from(`${user}:${word}`).toString('base64');
    const others = Object.entries(options.headers ?? {})
      .filter(([header]) => secretHeader.test(header))
      // `Bearer x` is shown as `Bearer ***`.
      .map(([, value]) => value.replace(/^\w+ +/, ''));
    this.secrets = new Secrets([
      options.apiKey ?? '',
      word,
      ...(user === '' && word === '' ? [] : [basic]),
      ...others,
    ]);
    this.#headers = {
      accept: 'application/json',
      ...(user !== '' && { authorization: `Basic ${basic}` }),
      ...(options.apiKey !== undefined && { authorization: `Bearer ${options.apiKey}` }),
      ...options.headers,
    };
    this.#options = {
      maxConnections: options.maxConnections ?? 64,
      maxWaiting: options.maxWaiting ?? 1_024,
      maxResponseBytes: options.maxResponseBytes ?? 64 * 1_048_576,
      connectTimeoutMs: options.connectTimeoutMs ?? 5_000,
    };
    const kept = { keepAlive: true, maxSockets: this.#options.maxConnections, timeout: IDLE_MS };
    this.#agent = root.protocol === 'https:' ? new HttpsAgent(kept) : new HttpAgent(kept);
  }

  /** The parsed body of a 2xx answer. */
  async call(call: JsonCall): Promise<unknown> {
    const response = await this.#open(call);
    const chunks: Buffer[] = [];
    for await (const chunk of this.#body(response, call)) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString('utf8');
    // Such as a health route, which answers nothing.
    if (text === '') return undefined;
    try {
      return JSON.parse(text);
    } catch {
      throw notJson(this.name, this.secrets.hide(text));
    }
  }

  /** The `data:` lines of an event stream, each parsed, up to `[DONE]` or the end. */
  async *events(call: JsonCall): AsyncGenerator<unknown, void, undefined> {
    const response = await this.#open(call);
    const lines = eventData(this.#body(response, call), {
      maxLineLength: MAX_EVENT_LENGTH,
      tooLong: () => tooLarge(this.name, MAX_EVENT_LENGTH, 'An event'),
    });
    for await (const data of lines) {
      if (data === '[DONE]') return;
      let value: unknown;
      try {
        value = JSON.parse(data);
      } catch {
        throw notJson(this.name, this.secrets.hide(data));
      }
      yield value;
    }
  }

  /** Ends the idle connections and whatever is still under way. */
  close(): void {
    this.#agent.destroy();
  }

  #open(call: JsonCall): Promise<IncomingMessage> {
    call.signal.throwIfAborted();
    const { maxConnections, maxWaiting, connectTimeoutMs } = this.#options;
    if (this.#calls >= maxConnections + maxWaiting) throw full(this.name, maxWaiting);
    this.#calls += 1;
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    const url = new URL(this.shownUrl + call.path);
    const send = this.#root.protocol === 'https:' ? requestTls : request;
    const sent = send(url, {
      method: call.method,
      agent: this.#agent,
      headers: {
        ...this.#headers,
        ...call.headers,
        ...(body !== undefined && {
          'content-type': 'application/json',
          'content-length': String(Buffer.byteLength(body)),
        }),
      },
    });
    sent.once('close', () => {
      this.#calls -= 1;
    });
    const unfollow = onAbort(call.signal, () => sent.destroy());
    sent.once('close', unfollow);
    boundConnect(sent, connectTimeoutMs);
    return new Promise((resolve, reject) => {
      sent.once('error', (cause) => {
        reject(
          call.signal.aborted ? call.signal.reason : unreached(this.name, this.shownUrl, cause),
        );
      });
      sent.once('response', (response) => {
        const { statusCode = 0 } = response;
        if (statusCode >= 200 && statusCode < 300) resolve(response);
        else this.#refuse(response, call).then(reject, reject);
      });
      sent.end(body);
    });
  }

  /** The error that a status of 300 or more means, with the beginning of what the server says. */
  async #refuse(response: IncomingMessage, call: JsonCall): Promise<LachesisError> {
    const { statusCode = 0, headers } = response;
    let text = '';
    try {
      for await (const chunk of this.#body(response, call)) {
        text += chunk.toString('utf8');
        if (text.length > 16_384) break;
      }
    } catch {
      call.signal.throwIfAborted();
      // Its status is known, which says more than that its text was cut off.
    }
    response.destroy();
    const retryAfterMs = readRetryAfter(new Headers(headers as Record<string, string>), Date.now());
    const hide = (said: string): string => this.secrets.hide(said);
    return statusError(this.name, statusCode, { body: text, hide, retryAfterMs });
  }

  async *#body(response: IncomingMessage, { signal }: JsonCall): AsyncGenerator<Buffer> {
    const { maxResponseBytes } = this.#options;
    let size = 0;
    try {
      for await (const chunk of response) {
        size += (chunk as Buffer).length;
        if (size > maxResponseBytes) throw tooLarge(this.name, maxResponseBytes);
        yield chunk as Buffer;
      }
    } catch (thrown) {
      signal.throwIfAborted();
      throw thrown instanceof LachesisError ? thrown : cutOff(this.name, size, thrown);
    } finally {
      // A reader that stops early gives the connection up, or the server would go on writing.
      if (!response.complete) response.destroy();
    }
  }
}

function boundConnect(sent: ClientRequest, timeoutMs: number): void {
  sent.once('socket', (socket) => {
    if (!socket.connecting) return;
    const timer = setTimeout(() => {
      sent.destroy(new Error(`no connection within ${timeoutMs} ms`));
    }, timeoutMs);
    const stop = (): void => clearTimeout(timer);
    socket.once('connect', stop);
    socket.once('close', stop);
  });
}

/** Node would say no more than that some header holds something invalid. */
function assertKey(key: string | undefined): void {
  if (key === undefined || /^[\x20-\x7e]*$/.test(key)) return;
  throw invalidInput('apiKey', 'holds a line break, or a character that no header takes.', {
    remedy: 'Look for a break at its end.',
  });
}

/** What stands for a user or password in a URL. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalidInput('url', 'has a user or password with a % that encodes nothing.', {
      remedy: 'Write a % in it as %25.',
    });
  }
}

function parseUrl(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) {
    // What was given may hold a password.
    throw invalidInput('url', 'is no http(s) URL, such as http://127.0.0.1:8000.');
  }
  if (parsed.search !== '' || parsed.hash !== '') {
    throw invalidInput('url', 'has a query or a fragment, which no route would keep.', {
      remedy: 'Give the root alone; a key goes into apiKey, or a header into headers.',
    });
  }
  return parsed;
}

function full(name: string, maxWaiting: number): LachesisError {
  return new LachesisError('resource_exhausted', `${maxWaiting} calls wait for ${name} already.`, {
    reason: 'ENGINE_QUEUE_FULL',
    remedy: 'Play fewer rollouts at once, or raise maxConnections or maxWaiting.',
    retryAfterMs: 1_000,
  });
}
