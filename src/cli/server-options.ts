import { readFileSync, statSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { errorMessage, invalidInput } from '../errors.ts';
import { isJsonObject } from '../messages.ts';
import { type AuthOptions, SCOPES, type Scope } from '../server/index.ts';
import { createLogger, jsonLinesWriter, type Logger, silentLogger } from '../telemetry/index.ts';
import type { ListenerTls } from '../transport/index.ts';
import type { CommandIo, CommandOption, OptionValues } from './command.ts';
import { integerOption, textOption } from './read-options.ts';

/** Options of every command that listens. */
export const LISTEN_OPTIONS: Readonly<Record<string, CommandOption>> = {
  host: { type: 'string', value: 'ADDRESS', help: 'Address to bind. Default: 127.0.0.1.' },
  port: { type: 'string', value: 'PORT', help: 'Port to bind; 0 takes a free one. Default: 0.' },
  'no-auth': { type: 'boolean', help: 'Ask for no credentials; on loopback only.' },
  credentials: {
    type: 'string',
    value: 'FILE',
    help: 'JSON file of tokens by scope: {"operator": "...", "trainer": "...", "worker": "...", "agent": "..."}.',
  },
  'tls-cert': { type: 'string', value: 'FILE', help: 'PEM certificate chain: serve TLS.' },
  'tls-key': { type: 'string', value: 'FILE', help: 'PEM key of the certificate.' },
  'tls-client-ca': {
    type: 'string',
    value: 'FILE',
    help: 'PEM authorities of client certificates: mutual TLS.',
  },
  log: { type: 'boolean', help: 'Write structured logs to standard error.' },
};

/** Where and for whom a server listens, as `startServer` takes it. */
export interface ListenConfig {
  readonly host?: string;
  readonly port: number;
  readonly auth: AuthOptions;
  readonly tls?: ListenerTls;
  readonly logger: Logger;
}

export function listenConfig(values: OptionValues, io: CommandIo): ListenConfig {
  const host = textOption(values, 'host');
  const tls = tlsOf(values);
  return {
    ...(host === undefined ? {} : { host }),
    port: integerOption(values, 'port', 0, 65_535) ?? 0,
    auth: authOf(values),
    ...(tls === undefined ? {} : { tls }),
    logger: logOf(values, io) ?? silentLogger,
  };
}

/** The log that `--log` asks for. */
export function logOf(values: OptionValues, io: Pick<CommandIo, 'err'>): Logger | undefined {
  if (values['log'] !== true) return undefined;
  return createLogger({ writer: jsonLinesWriter({ write: io.err }) });
}

function authOf(values: OptionValues): AuthOptions {
  const file = textOption(values, 'credentials');
  if (values['no-auth'] === true) {
    if (file !== undefined)
      throw invalidInput('--no-auth', 'and --credentials exclude each other.');
    return { kind: 'none' };
  }
  if (file === undefined) return { kind: 'start_tokens' };
  return { kind: 'credentials', credentials: readCredentials(file) };
}

/** The tokens of a `--credentials` file, by scope. */
export function readCredentials(
  file: string,
): readonly { readonly scope: Scope; readonly token: string }[] {
  let text: string;
  let mode: number;
  try {
    mode = statSync(file).mode;
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw invalidInput('--credentials', errorMessage(error), { cause: error });
  }
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    throw invalidInput('--credentials', `${file} can be read by other users.`, {
      remedy: `Run: chmod 600 ${file}`,
    });
  }
  const tokens = jsonOf(text);
  if (!isJsonObject(tokens) || Object.keys(tokens).length === 0) {
    throw invalidInput('--credentials', `${file} holds no tokens by scope.`, {
      remedy: 'Write: {"operator": "...", "trainer": "..."}.',
    });
  }
  return Object.entries(tokens).map(([scope, token]) => {
    if (typeof token !== 'string') {
      throw invalidInput('--credentials', `${file}: the token of "${scope}" is no text.`);
    }
    if (!(SCOPES as readonly string[]).includes(scope)) {
      throw invalidInput(
        '--credentials',
        `${file} has "${scope}"; scopes are ${SCOPES.join(', ')}.`,
      );
    }
    return { scope: scope as Scope, token };
  });
}

/** Undefined for what is no JSON: the parser's own message would quote the secret. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function tlsOf(values: OptionValues): ListenerTls | undefined {
  const read = (name: string): Buffer | undefined => {
    const file = textOption(values, name);
    if (file === undefined) return undefined;
    try {
      return readFileSync(file);
    } catch (error) {
      throw invalidInput(`--${name}`, errorMessage(error), { cause: error });
    }
  };
  const [cert, key, clientCa] = [read('tls-cert'), read('tls-key'), read('tls-client-ca')];
  if (cert === undefined && key === undefined && clientCa === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    throw invalidInput(
      cert === undefined ? '--tls-cert' : '--tls-key',
      'is missing; TLS needs both.',
    );
  }
  const tls = { cert, key, ...(clientCa === undefined ? {} : { clientCa }) };
  try {
    createSecureContext({ cert, key, ca: clientCa });
  } catch (error) {
    throw invalidInput('--tls-cert', `or --tls-key can't be used: ${errorMessage(error)}.`, {
      remedy: 'Give a certificate chain and its own private key, both as PEM.',
      cause: error,
    });
  }
  return tls;
}
