import { invalidInput } from '../../../errors.ts';
import { DEFAULT_CONNECTIONS, DEFAULT_SESSIONS, type SshBackendOptions } from './options.ts';

/** Refuses what could only fail later, by the option's name; `names` says how its user spelled it. */
export function checkSshOptions(
  options: SshBackendOptions,
  names: Partial<Record<keyof SshBackendOptions, string>> = {},
): void {
  const nameOf = (key: keyof SshBackendOptions): string => names[key] ?? `ssh.${key}`;
  const { host, port, user, folder, fingerprint } = options;
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.:%-]*$|^[0-9a-fA-F:.%]+$/.test(host)) {
    throw invalidInput(nameOf('host'), `is "${host}"; give the name or address of a host.`);
  }
  if (user !== undefined && !/^[A-Za-z0-9_][^\s@:/]*$/.test(user)) {
    throw invalidInput(nameOf('user'), `is "${user}"; give the name of an account there.`);
  }
  if (port !== undefined && !(Number.isInteger(port) && port > 0 && port < 65_536)) {
    throw invalidInput(nameOf('port'), `is ${port}; give a port from 1 to 65535.`);
  }
  if (fingerprint !== undefined && !/^SHA256:[A-Za-z0-9+/]{43}$/.test(fingerprint)) {
    throw invalidInput(
      nameOf('fingerprint'),
      `is "${fingerprint}"; give SHA256:... of 43 letters.`,
      {
        remedy: 'On the host, `ssh-keygen -l -f /etc/ssh/ssh_host_ed25519_key.pub` tells it.',
      },
    );
  }
  if (folder !== undefined && !/^\/[^\0\n]+$/.test(folder)) {
    throw invalidInput(nameOf('folder'), `is "${folder}"; give an absolute path on the host.`);
  }
  for (const key of [
    ...(['sessionsPerConnection', 'connectionsPerSandbox', 'keepaliveMs'] as const),
    ...(['connectTimeoutMs', 'lifetimeMs', 'createTimeoutMs'] as const),
  ]) {
    const value = options[key];
    if (value !== undefined && !(value > 0)) {
      throw invalidInput(nameOf(key), `is ${value}; a number above 0 is needed.`);
    }
  }
  const { sessionsPerConnection = DEFAULT_SESSIONS } = options;
  const { connectionsPerSandbox = DEFAULT_CONNECTIONS } = options;
  if (sessionsPerConnection * connectionsPerSandbox < 2) {
    throw invalidInput(nameOf('sessionsPerConnection'), 'leaves no session for a command.', {
      remedy: 'One keeps the sandbox; give two sessions, or two connections.',
    });
  }
}
