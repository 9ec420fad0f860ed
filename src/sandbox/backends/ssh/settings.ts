import { invalidInput } from '../../../errors.ts';
import { checkSshOptions } from './check-options.ts';
import type { SshBackendOptions } from './options.ts';

/** Options by name; `ssh-host` is `--ssh-host`. */
export const SSH_OPTION_NAMES = Object.freeze([
  'ssh-host',
  'ssh-user',
  'ssh-port',
  'ssh-key',
  'ssh-fingerprint',
  'ssh-folder',
  'ssh-sessions',
] as const);

type SshOptionName = (typeof SSH_OPTION_NAMES)[number];

/** The seed's, where ours say nothing. */
const SEED: Partial<Record<SshOptionName, string>> = {
  'ssh-host': 'TERMINAL_SSH_HOST',
  'ssh-user': 'TERMINAL_SSH_USER',
  'ssh-port': 'TERMINAL_SSH_PORT',
  'ssh-key': 'TERMINAL_SSH_KEY',
};

/** What was said of the host, each with who said it. Not looked at yet. */
export interface SshSource {
  readonly said: Readonly<
    Partial<Record<SshOptionName, { readonly text: string; readonly by: string }>>
  >;
  /** Socket of the SSH agent. */
  readonly agent: string | undefined;
}

/** Reads options and variables; writes nothing. */
export function sshSource(
  options: Readonly<Record<string, unknown>>,
  environment: Readonly<Record<string, string | undefined>>,
): SshSource {
  const said: Partial<Record<SshOptionName, { text: string; by: string }>> = {};
  for (const name of SSH_OPTION_NAMES) {
    const own = options[name];
    const variable = SEED[name] ?? '';
    const seed = environment[variable];
    if (typeof own === 'string') said[name] = { text: own, by: `--${name}` };
    // An empty variable is how shells say "not set".
    else if (seed !== undefined && seed !== '') said[name] = { text: seed, by: variable };
  }
  return { said, agent: environment['SSH_AUTH_SOCK'] || undefined };
}

/** The backend's options; throws an `invalid_input` that names the option or variable. */
export function sshOptions({ said, agent }: SshSource): SshBackendOptions {
  const text = (name: SshOptionName): string | undefined => said[name]?.text;
  const nameOf = (name: SshOptionName): string => said[name]?.by ?? `--${name}`;
  const number = (name: SshOptionName): number | undefined => {
    const value = text(name);
    if (value === undefined || /^[0-9]+$/.test(value)) return value === undefined ? value : +value;
    throw invalidInput(nameOf(name), `is "${value}"; give a whole number.`);
  };
  const host = text('ssh-host');
  if (host === undefined) {
    throw invalidInput('--ssh-host', 'is missing: the `ssh` backend knows no host.', {
      remedy: 'Give --ssh-host (or `TERMINAL_SSH_HOST`).',
    });
  }
  const port = number('ssh-port');
  const user = text('ssh-user');
  const keyFile = text('ssh-key');
  const fingerprint = text('ssh-fingerprint');
  const folder = text('ssh-folder');
  const sessionsPerConnection = number('ssh-sessions');
  const options: SshBackendOptions = {
    host,
    ...(port === undefined ? {} : { port }),
    ...(user === undefined ? {} : { user }),
    ...(keyFile === undefined ? {} : { keyFile }),
    ...(fingerprint === undefined ? {} : { fingerprint }),
    ...(folder === undefined ? {} : { folder }),
    ...(sessionsPerConnection === undefined ? {} : { sessionsPerConnection }),
    ...(agent === undefined ? {} : { agent }),
  };
  checkSshOptions(options, {
    host: nameOf('ssh-host'),
    port: nameOf('ssh-port'),
    user: nameOf('ssh-user'),
    fingerprint: nameOf('ssh-fingerprint'),
    folder: nameOf('ssh-folder'),
    sessionsPerConnection: nameOf('ssh-sessions'),
  });
  return options;
}
