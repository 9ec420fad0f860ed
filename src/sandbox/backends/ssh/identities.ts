import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import type { AnyAuthMethod } from 'ssh2';
import { errorMessage, LachesisError } from '../../../errors.ts';
import type { SshBackendOptions } from './options.ts';

const DEFAULT_KEYS = ['id_ed25519', 'id_ecdsa', 'id_rsa'];

type ParseKey = typeof import('ssh2')['utils']['parseKey'];

/** The ways to log in, in the order in which they are tried. */
export async function loginMethods(
  options: SshBackendOptions,
  username: string,
  parseKey: ParseKey,
): Promise<readonly AnyAuthMethod[]> {
  const { keyFile, passphrase, password, agent } = options;
  const methods: AnyAuthMethod[] = [];
  if (keyFile !== undefined) {
    const key = await readKey(keyFile, passphrase, parseKey);
    if (key instanceof Error) throw unusableKey(keyFile, key);
    methods.push({ type: 'publickey', username, key });
  } else {
    if (agent !== undefined) methods.push({ type: 'agent', username, agent });
    for (const name of DEFAULT_KEYS) {
      const key = await readKey(path.join(homedir(), '.ssh', name), passphrase, parseKey);
      // One that is not there or needs a passphrase is none that can be tried.
      if (!(key instanceof Error)) methods.push({ type: 'publickey', username, key });
    }
  }
  if (password !== undefined) methods.push({ type: 'password', username, password });
  if (methods.length > 0) return methods;
  throw new LachesisError('failed_precondition', 'There is no key to log in with over SSH.', {
    reason: 'SSH_KEY',
    remedy: 'Name one with --ssh-key (`TERMINAL_SSH_KEY`, `keyFile`), or add one to ssh-agent.',
  });
}

async function readKey(file: string, passphrase: string | undefined, parseKey: ParseKey) {
  try {
    const full = file.startsWith('~/') ? path.join(homedir(), file.slice(2)) : file;
    const parsed = parseKey(await readFile(full), passphrase);
    const key = Array.isArray(parsed) ? parsed[0] : parsed;
    if (key instanceof Error || key === undefined) return key ?? new Error('it holds no key');
    return key.isPrivateKey() ? key : new Error('it holds a public key');
  } catch (error) {
    return error instanceof Error ? error : new Error(errorMessage(error));
  }
}

function unusableKey(file: string, cause: Error): LachesisError {
  const isEncrypted = /passphrase/i.test(cause.message);
  return new LachesisError(
    'failed_precondition',
    `The SSH key ${file} can not be used: ${cause.message}.`,
    {
      reason: 'SSH_KEY',
      remedy: isEncrypted
        ? 'Add it to ssh-agent and leave --ssh-key (`TERMINAL_SSH_KEY`) out, or give `passphrase`.'
        : 'Name the file of a private key, such as ~/.ssh/id_ed25519.',
      cause,
    },
  );
}
