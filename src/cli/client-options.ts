import { readFileSync } from 'node:fs';
import {
  type ConnectOptions,
  connect,
  type LachesisClient,
  lachesisErrorOf,
} from '../client/index.ts';
import { errorMessage, invalidInput, LachesisError } from '../errors.ts';
import type { CommandIo, CommandOption, OptionValues } from './command.ts';
import { textOption } from './read-options.ts';
import { readCredentials } from './server-options.ts';

/** Options of every command that calls a server. */
export const CLIENT_OPTIONS: Readonly<Record<string, CommandOption>> = {
  server: {
    type: 'string',
    value: 'ADDRESS',
    help: 'The server: host:port, or https://host:port. Default: the newest of this user on this machine.',
  },
  credentials: {
    type: 'string',
    value: 'FILE',
    help: 'The file of tokens that the server was started with. Default: what a server of this machine left for you.',
  },
  token: {
    type: 'string',
    value: 'TOKEN',
    help: 'A token itself; in the environment variable LACHESIS_TOKEN fewer eyes see it.',
  },
  'tls-ca': {
    type: 'string',
    value: 'FILE',
    help: "PEM authorities of the server's certificate. Default: the system's.",
  },
  'tls-client-cert': {
    type: 'string',
    value: 'FILE',
    help: 'PEM certificate of this client, for mutual TLS.',
  },
  'tls-client-key': { type: 'string', value: 'FILE', help: 'PEM key of that certificate.' },
};

/** Connects to the server that the options name, as its operator unless told otherwise. */
export async function connectTo(
  values: OptionValues,
  io: Pick<CommandIo, 'signal'>,
  more: Pick<ConnectOptions, 'reconnect' | 'scope'> = {},
): Promise<LachesisClient> {
  const options = connectOptions(values, more.scope);
  try {
    return await connect({ ...more, ...options, signal: io.signal });
  } catch (thrown) {
    if (io.signal.aborted) throw thrown;
    const { kind, message, reason, field, remedy } = lachesisErrorOf(thrown);
    if (field === 'baseUrl') throw invalidInput('--server', message.replace(/^\w+: /, ''));
    if (field === 'tls') throw invalidInput('--tls-ca', 'is given, but --server is not https://.');
    throw new LachesisError(kind, message, {
      reason,
      cause: thrown,
      // The message holds it already.
      ...(remedy === undefined && { remedy: 'Give another --server.' }),
    });
  }
}

/** Which server is meant, and how to be let in. */
export function connectOptions(
  values: OptionValues,
  scope: NonNullable<ConnectOptions['scope']> = 'operator',
): Omit<ConnectOptions, 'signal'> {
  const address = addressOf(textOption(values, 'server'));
  const token = textOption(values, 'token') ?? tokenOf(textOption(values, 'credentials'), scope);
  const tls = tlsOf(values);
  if (tls !== undefined && address?.startsWith('https:') === false) {
    throw invalidInput('--tls-ca', 'is given, but --server is not https://.');
  }
  return {
    scope,
    ...(address !== undefined && { address }),
    ...(token !== undefined && { token }),
    ...(tls !== undefined && { tls }),
  };
}

function addressOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const isBare = /^(\[[\da-f:]+\]|[\w.-]+):\d+$/i.test(text);
  if (!isBare && !(/^https?:\/\//.test(text) && URL.canParse(text))) {
    throw invalidInput('--server', `"${text}" is no address.`, {
      remedy: 'Give host:port, or a URL such as https://host:port.',
    });
  }
  return isBare ? `http://${text}` : text;
}

function tokenOf(file: string | undefined, scope: string): string | undefined {
  if (file === undefined) return undefined;
  const found = readCredentials(file).find((one) => one.scope === scope);
  if (found !== undefined) return found.token;
  throw invalidInput('--credentials', `${file} has no token of "${scope}".`);
}

function tlsOf(values: OptionValues): ConnectOptions['tls'] {
  const read = (name: string): Buffer | undefined => {
    const file = textOption(values, name);
    if (file === undefined) return undefined;
    try {
      return readFileSync(file);
    } catch (error) {
      throw invalidInput(`--${name}`, errorMessage(error), { cause: error });
    }
  };
  const [ca, cert, key] = ['tls-ca', 'tls-client-cert', 'tls-client-key'].map(read);
  if ((cert === undefined) !== (key === undefined)) {
    const missing = cert === undefined ? '--tls-client-cert' : '--tls-client-key';
    throw invalidInput(missing, 'is missing; mutual TLS needs both.');
  }
  if (ca === undefined && cert === undefined) return undefined;
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  };
}
