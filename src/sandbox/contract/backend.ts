import type { IsolationLevel } from './isolation.ts';
import type { Sandbox } from './sandbox.ts';
import type { CreateOptions, SandboxSpec } from './spec.ts';

/** Makes sandboxes of one kind. Whoever made it disposes of it, which ends the sandboxes that it still has. */
export interface SandboxBackend extends AsyncDisposable {
  /** `bubblewrap`, `modal`, ... */
  readonly name: string;
  readonly capabilities: SandboxCapabilities;
  /** Finds out by trying whether it works here, and what would mend it. Never rejects but with the signal's reason. */
  probe(options: ProbeOptions): Promise<BackendProbe>;
  /** Refuses what it can't give: `invalid_input` names the field of the spec. */
  create(spec: SandboxSpec, options: CreateOptions): Promise<Sandbox>;
  /** Those whose tags include these, of whichever process; also ones that this process did not make. */
  list(
    tags: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<readonly FoundSandbox[]>;
}

export interface ProbeOptions {
  /** The sandbox that is made to try it. Default: what the backend makes of nothing. */
  readonly spec?: SandboxSpec;
  readonly signal: AbortSignal;
}

/** A sandbox that is known by its id and tags only. */
export interface FoundSandbox {
  readonly id: string;
  readonly tags: Readonly<Record<string, string>>;
  terminate(): Promise<void>;
}

export interface SandboxCapabilities {
  readonly isolation: IsolationLevel;
  /** True: outlives our process, so a janitor has to look for those left behind. */
  readonly outlivesOwner: boolean;
  /** True: costs seconds or money to make, so one is used for several leases after a reset. */
  readonly costly: boolean;
  /** `closed`: can be kept from the network; `open`: can be let; `allowlist`: can be let to some hosts. */
  readonly networks: readonly ('none' | 'open' | 'allowlist')[];
  /** What it holds to of `SandboxSpec.resources`. */
  readonly limits: readonly ('cpus' | 'memoryMiB' | 'diskMiB' | 'pids')[];
  readonly images: boolean;
  readonly snapshots: boolean;
  readonly liveNetwork: boolean;
  readonly endpoints: boolean;
  /** False: a simulated shell, where `bash` is the interpreter's own. */
  readonly realProcesses: boolean;
}

/** What trying it showed. */
export interface BackendProbe {
  readonly works: boolean;
  /** What was found, with the real words of what failed. */
  readonly detail: string;
  /** What would mend it; undefined when it works. */
  readonly remedy?: string;
  /** Of making one sandbox and running `true` in it, in milliseconds; undefined when that failed. */
  readonly createMs?: number;
  readonly execMs?: number;
}
