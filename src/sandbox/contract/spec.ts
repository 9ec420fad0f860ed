/** What a sandbox is made of. All that is said here is part of the pool's key; nothing of a task is. */
export interface SandboxSpec {
  /** What the backend makes it of: an image, a template, a root folder. Default: the backend's own. */
  readonly image?: string;
  /** Absolute. Where commands begin and files belong. Default: `/workspace`. */
  readonly workdir?: string;
  /** More folders that can be written to, absolute; each made empty where the rest is read-only. */
  readonly writable?: readonly string[];
  /** Of every command, on top of the backend's own few. */
  readonly env?: Readonly<Record<string, string>>;
  readonly resources?: SandboxResources;
  /** Default: `none`. */
  readonly network?: SandboxNetwork;
  /** A provider's own settings, told to its backend as they are. */
  readonly providerOptions?: Readonly<Record<string, string | number | boolean>>;
}

/** Undefined leaves it to the backend. */
export interface SandboxResources {
  /** In cores; may be a fraction. */
  readonly cpus?: number;
  readonly memoryMiB?: number;
  /** Of the working directory. */
  readonly diskMiB?: number;
  /** Most processes at a time. */
  readonly pids?: number;
}

/** Nothing at all, everything, or only these hosts, where the backend can do that. */
export type SandboxNetwork = 'none' | 'open' | { readonly allow: readonly string[] };

/** What one sandbox is given beside its spec. */
export interface CreateOptions {
  /** Kept by the backend, so that whoever finds the sandbox later knows whose it is. */
  readonly tags?: Readonly<Record<string, string>>;
  /** The backend ends it by itself then. Default: the backend's own limit. */
  readonly lifetimeMs?: number;
  /** When it fires, what was made so far is destroyed and `create` rejects with its reason. */
  readonly signal: AbortSignal;
}
