import { SSH_OPTION_NAMES, type SshSource } from '../backends/ssh/settings.ts';
import type { BackendName } from '../backends/table.ts';
import type { IsolationLevel } from '../contract/isolation.ts';
import type { SandboxResources, SandboxSpec } from '../contract/spec.ts';
import type { SandboxPoolOptions } from '../pool/options.ts';

/** Where an environment's sandboxes come from, as options and variables say it. */
export interface SandboxSettings {
  readonly backend: BackendName | 'none';
  /** What chose the backend: `--sandbox`, `TERMINAL_ENV` or `default`. */
  readonly chosenBy: string;
  /** Undefined where nobody says: then an environment's own word, or `namespace`. */
  readonly minimumIsolation: IsolationLevel | undefined;
  /** Commands may run without isolation, where nothing better works. */
  readonly allowUnsandboxed: boolean;
  readonly pool: Pick<SandboxPoolOptions, 'maxTotal' | 'maxUses' | 'idleMs'>;
  /** Kept warm of the default spec. */
  readonly minIdle: number;
  /** What an environment that says nothing else is given. */
  readonly spec: SandboxSpec;
  /** What gave the spec's image: `--sandbox-image`, or a variable of the seed's. */
  readonly imageFrom: string;
  /** As the seed's variables wish it: what the backend can't hold to is left out. */
  readonly wishes: SandboxResources;
  /** Of one command, where a tool says nothing. */
  readonly commandTimeoutMs: number | undefined;
  /** Of the `ssh` backend; looked at when it is the one, or is tried. */
  readonly ssh: SshSource;
}

/** The options that {@link readSandboxSettings} knows, by name; `sandbox-max` is `--sandbox-max`. */
export const SANDBOX_OPTION_NAMES = Object.freeze([
  'sandbox',
  'sandbox-max',
  'sandbox-min-idle',
  'sandbox-image',
  'sandbox-network',
  'sandbox-cpus',
  'sandbox-memory',
  'sandbox-disk',
  'sandbox-pids',
  'isolation-minimum',
  'allow-unsandboxed',
  ...SSH_OPTION_NAMES,
] as const);

export type SandboxOptionName = (typeof SANDBOX_OPTION_NAMES)[number];

/** Where settings are read from. Nothing of it is written. */
export interface SettingsSource {
  /** Flags, our own variables and the configuration file, laid over each other already. */
  readonly options: Readonly<Record<string, string | boolean | readonly string[] | undefined>>;
  /** For the seed's `TERMINAL_...`, which yield to `options`. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** As `process.platform`. */
  readonly platform: string;
}
