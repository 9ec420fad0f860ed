import { directoryMark, findTokenFiles } from './token-file.ts';

/** A server that restarts writes new tokens: one is asked for again when it is older. */
const FRESH_MS = 100;

export interface LocalTokenOptions {
  readonly address: string;
  readonly scope: 'operator' | 'trainer' | 'worker' | 'agent';
  readonly directory: string | undefined;
  /** What it was when the server was found. */
  readonly token: string | undefined;
}

/** The token that the server of an address left for this user, as it is after each restart. */
export class LocalToken {
  readonly #options: LocalTokenOptions;
  #token: string | undefined;
  #readMs = performance.now();
  /** Of the directory when its files were read. */
  #mark: string | undefined;

  constructor(options: LocalTokenOptions) {
    this.#options = options;
    this.#token = options.token;
    if (options.token === undefined) this.#readMs = -Infinity;
  }

  async get(): Promise<string | undefined> {
    if (performance.now() - this.#readMs <= FRESH_MS) return this.#token;
    this.#readMs = performance.now();
    const mark = await directoryMark(this.#options.directory);
    if (mark === undefined || mark !== this.#mark) await this.renew();
    return this.#token;
  }

  /** True when there is another now. A server that is away leaves the old one. */
  async renew(): Promise<boolean> {
    this.#readMs = performance.now();
    const { address, scope, directory } = this.#options;
    const wanted = originOf(address);
    this.#mark = await directoryMark(directory);
    const files = await findTokenFiles(directory);
    const token = files.find((file) => originOf(file.address) === wanted)?.tokens[scope];
    if (token === undefined || token === this.#token) return false;
    this.#token = token;
    return true;
  }
}

/** By which a server's address is compared: a token is given only to the very address that its server wrote. */
export function originOf(address: string): string {
  if (!URL.canParse(address)) return address;
  const url = new URL(address);
  if (url.hostname === 'localhost') url.hostname = '127.0.0.1';
  return url.origin;
}
