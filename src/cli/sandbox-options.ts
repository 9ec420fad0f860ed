import type { EnvironmentDefinition } from '../environment/index.ts';
import { invalidInput } from '../errors.ts';
import {
  BACKEND_NAMES,
  ISOLATION_LEVELS,
  type OpenSandboxes,
  openSandboxes,
  type PoolObserver,
  readSandboxSettings,
  type SandboxAsker,
  type SandboxSettings,
} from '../sandbox/index.ts';
import type { Logger, MetricsRegistry } from '../telemetry/index.ts';
import type { CommandIo, CommandOption, OptionValues } from './command.ts';
import { integerOption } from './read-options.ts';

/** Of every command that plays environments: where those that ask for a sandbox are given one. */
export const SANDBOX_OPTIONS: Readonly<Record<string, CommandOption>> = {
  sandbox: {
    type: 'string',
    value: 'NAME',
    help: `Where commands run: ${BACKEND_NAMES.join(', ')}, none. Default: bubblewrap on Linux, else just-bash.`,
  },
  'sandbox-max': {
    type: 'string',
    value: 'N',
    help: 'Most sandboxes at a time. Default: one for each rollout in flight, or 16 where they are costly.',
  },
  'sandbox-min-idle': {
    type: 'string',
    value: 'N',
    help: 'Sandboxes that are kept ready. Default: 0.',
  },
  'sandbox-image': {
    type: 'string',
    value: 'IMAGE',
    help: "What they are made of. Default: the environment's own, else the backend's.",
  },
  'sandbox-network': {
    type: 'string',
    value: 'NETWORK',
    help: "none, open, or hosts (a.org,b.org). Default: the environment's own, else none.",
  },
  'sandbox-cpus': { type: 'string', value: 'N', help: 'Cores of one; may be a fraction.' },
  'sandbox-memory': { type: 'string', value: 'MIB', help: 'Memory of one.' },
  'sandbox-disk': { type: 'string', value: 'MIB', help: 'Disk of one.' },
  'sandbox-pids': { type: 'string', value: 'N', help: 'Most processes in one.' },
  'ssh-host': {
    type: 'string',
    value: 'HOST',
    help: 'Of --sandbox ssh. Default: TERMINAL_SSH_HOST.',
  },
  'ssh-user': {
    type: 'string',
    value: 'NAME',
    help: 'The account there. Default: TERMINAL_SSH_USER, else the name of this user.',
  },
  'ssh-port': { type: 'string', value: 'N', help: 'Default: TERMINAL_SSH_PORT, else 22.' },
  'ssh-key': {
    type: 'string',
    value: 'FILE',
    help: 'A private key. Default: TERMINAL_SSH_KEY, else those of ssh-agent and ~/.ssh.',
  },
  'ssh-fingerprint': {
    type: 'string',
    value: 'SHA256:...',
    help: "Of the host's key. Default: what ~/.ssh/known_hosts knows.",
  },
  'ssh-folder': {
    type: 'string',
    value: 'PATH',
    help: 'On the host, for sandboxes. Default: .lachesis/sandboxes of the account.',
  },
  'ssh-sessions': {
    type: 'string',
    value: 'N',
    help: "Sessions of one connection, as the host's MaxSessions allows. Default: 10.",
  },
  'isolation-minimum': {
    type: 'string',
    value: 'LEVEL',
    help: `Refuse to start with less: ${ISOLATION_LEVELS.join(', ')}. Default: what the environment says, else namespace.`,
  },
  'allow-unsandboxed': {
    type: 'boolean',
    help: 'Run commands on this machine without isolation where no sandbox works.',
  },
};

/** What the options and the seed's variables ask for. */
export function sandboxSettings(
  values: OptionValues,
  { environment }: Pick<CommandIo, 'environment'>,
): SandboxSettings {
  return readSandboxSettings({ options: values, environment, platform: process.platform });
}

/** Opens the sandboxes of the environments that ask for some; undefined when none does. */
export async function sandboxesFor(
  definitions: readonly EnvironmentDefinition[],
  options: {
    readonly values: OptionValues;
    readonly io: CommandIo;
    readonly metrics?: MetricsRegistry | undefined;
    readonly observer?: PoolObserver | undefined;
    readonly logger?: Logger | undefined;
  },
): Promise<OpenSandboxes | undefined> {
  const { values, io, metrics, observer, logger } = options;
  // Read in any case: what is misspelled is told though nobody needs it today.
  const settings = sandboxSettings(values, io);
  const askers = definitions.flatMap(askerOf);
  if (askers.length === 0) return undefined;
  return await openSandboxes({
    settings,
    askers,
    concurrency: integerOption(values, 'concurrency', 1) ?? 64,
    environment: io.environment,
    warn: io.err,
    metrics,
    observer,
    logger,
    signal: io.signal,
  });
}

function askerOf({ name, sandbox }: EnvironmentDefinition): readonly SandboxAsker[] {
  if (sandbox === undefined) return [];
  if (sandbox === null || !['object', 'function'].includes(typeof sandbox)) {
    throw invalidInput(`environment \`${name}\`.sandbox`, 'is neither an object nor a function.');
  }
  // What a function says of each task is looked at when it is played.
  if (typeof sandbox === 'function') return [{ name, minimumIsolation: undefined }];
  const { minimumIsolation, ...spec } = sandbox;
  return [{ name, minimumIsolation, spec }];
}
