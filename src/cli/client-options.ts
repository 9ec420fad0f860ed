import { readFileSync } from 'node:fs';
import type { ConnectOptions } from '../client/index.ts';
import { errorMessage, invalidInput } from '../errors.ts';
import type { CommandOption, OptionValues } from './command.ts';
import { textOption } from './read-options.ts';

/** Options of a command that is a client of a server. */
export const CLIENT_OPTIONS: Readonly<Record<string, CommandOption>> = {
  server: {
    type: 'string',
    value: 'URL',
    help: 'The server, such as http://127.0.0.1:7070. Default: the newest of yours on this machine.',
  },
  token: {
    type: 'string',
    value: 'TOKEN',
    help: 'Its credential; LACHESIS_TOKEN hides it better. Default: found, for a server of yours on this machine.',
  },
  'server-ca': {
    type: 'string',
    value: 'FILE',
    help: "PEM of the authorities of the server's certificate. Default: the system's.",
  },
  'client-cert': {
    type: 'string',
    value: 'FILE',
    help: 'PEM of a client certificate: mutual TLS.',
  },
  'client-key': { type: 'string', value: 'FILE', help: 'PEM of its key.' },
  'server-name': {
    type: 'string',
    value: 'NAME',
    help: "The name in the server's certificate, where it is not that of the URL.",
  },
};

/** Which server is meant, and how to be let in. */
export function connectOptions(values: OptionValues): Omit<ConnectOptions, 'signal'> {
  const address = textOption(values, 'server');
  if (address !== undefined && (!URL.canParse(address) || !/^https?:/.test(address))) {
    throw invalidInput('--server', `"${address}" is no URL, such as http://127.0.0.1:7070.`);
  }
  const token = textOption(values, 'token');
  const ca = pem(values, 'server-ca');
  const cert = pem(values, 'client-cert');
  const key = pem(values, 'client-key');
  const serverName = textOption(values, 'server-name');
  const tls = {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(serverName !== undefined && { serverName }),
  };
  if ((cert === undefined) !== (key === undefined)) {
    const missing = cert === undefined ? '--client-cert' : '--client-key';
    throw invalidInput(missing, 'is missing; a certificate and its key go together.');
  }
  if (Object.keys(tls).length > 0 && address?.startsWith('https:') !== true) {
    throw invalidInput('--server', 'must be an https:// URL for TLS options to mean anything.');
  }
  return {
    ...(address !== undefined && { address }),
    ...(token !== undefined && { token }),
    ...(Object.keys(tls).length > 0 && { tls }),
  };
}

function pem(values: OptionValues, name: string): string | undefined {
  const file = textOption(values, name);
  if (file === undefined) return undefined;
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw invalidInput(`--${name}`, errorMessage(error), { cause: error });
  }
}
