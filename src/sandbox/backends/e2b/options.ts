export interface E2bBackendOptions {
  /** Default: `E2B_API_KEY`. */
  readonly apiKey?: string;
  /** Default: `E2B_DOMAIN`, else `e2b.app`. */
  readonly domain?: string;
  /** Of a service of one's own that speaks E2B's protocol. */
  readonly apiUrl?: string;
  readonly sandboxUrl?: string;
  /** Of a spec that names no image. Default: `base`. */
  readonly template?: string;
  /** Of a spec that names none; it is made when missing. Default: `/home/user/workspace`. */
  readonly workdir?: string;
  /** E2B ends a sandbox by itself then. Default: 1 h. */
  readonly lifetimeMs?: number;
  /** Of each call to E2B. Default: 60 s. */
  readonly requestTimeoutMs?: number;
}
