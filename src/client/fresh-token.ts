import { Code, ConnectError, type Interceptor } from '@connectrpc/connect';
import { sleep } from '../async/index.ts';
import { type FoundTokenFile, findTokenFiles, type TokenFile } from './token-file.ts';

/** How old what was read may be: a server that was started anew has new tokens. */
const MAX_AGE_MS = 100;
/** A server listens a moment before its file is written. */
const TRIES = 6;
const RETRY_MS = 100;

/** The token of the server at an address, as its file has it now. A token is given only to that address. */
export class FreshToken {
  readonly #address: string;
  readonly #scope: keyof TokenFile['tokens'];
  readonly #directory: string | undefined;
  #token: string | undefined;
  #readMs: number;

  constructor(options: {
    readonly address: string;
    readonly scope: keyof TokenFile['tokens'];
    readonly found: FoundTokenFile | undefined;
    readonly directory: string | undefined;
  }) {
    this.#address = options.address;
    this.#scope = options.scope;
    this.#directory = options.directory;
    this.#token = options.found?.tokens[options.scope];
    this.#readMs = this.#token === undefined ? -Infinity : performance.now();
  }

  async get(): Promise<string | undefined> {
    const nowMs = performance.now();
    if (nowMs - this.#readMs <= MAX_AGE_MS) return this.#token;
    this.#readMs = nowMs;
    const file = fileOf(await findTokenFiles(this.#directory), this.#address);
    // While there is none the server is away, and the one that was may come back.
    this.#token = file?.tokens[this.#scope] ?? this.#token;
    return this.#token;
  }

  /** Calls again what was refused for want of the right token, which is before anything was done. */
  readonly interceptor: Interceptor = (next) => async (request) => {
    for (let tries = 1; ; tries += 1) {
      try {
        return await next(request);
      } catch (thrown) {
        const isRefused = ConnectError.from(thrown).code === Code.Unauthenticated;
        if (!isRefused || request.stream || tries === TRIES) throw thrown;
        await sleep(RETRY_MS, { signal: request.signal });
      }
    }
  };
}

/** Of several at one address the newest: the others' servers are gone. */
export function fileOf(
  files: readonly FoundTokenFile[],
  address: string,
): FoundTokenFile | undefined {
  const wanted = originOf(address);
  return files.find((file) => originOf(file.address) === wanted);
}

function originOf(address: string): string {
  if (!URL.canParse(address)) return address;
  const url = new URL(address);
  if (url.hostname === 'localhost') url.hostname = '127.0.0.1';
  return url.origin;
}
