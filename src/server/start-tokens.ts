import { randomBytes } from 'node:crypto';
import { chmod, lstat, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { type TokenFile, tokenDirectory } from '../client/index.ts';
import { LachesisError } from '../errors.ts';
import type { Credential } from './credentials.ts';
import { SCOPES, type Scope } from './scope.ts';

/** The tokens of one start. */
export type StartTokens = Readonly<Record<Scope, string>>;

export function createStartTokens(): StartTokens {
  const token = (): string => randomBytes(32).toString('base64url');
  return Object.freeze({ operator: token(), trainer: token(), worker: token(), agent: token() });
}

export function credentialsOf(tokens: StartTokens): readonly Credential[] {
  return SCOPES.map((scope) => ({ scope, token: tokens[scope] }));
}

/** A token file on disk; disposing of it removes it, unless a later server took its name. */
export interface WrittenTokenFile extends AsyncDisposable {
  readonly path: string;
}

/** Writes the file whole or not at all, readable by this user only. */
export async function writeTokenFile(
  file: TokenFile,
  directory: string = tokenDirectory(),
): Promise<WrittenTokenFile> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const stats = await lstat(directory);
  const mine = process.platform === 'win32' || stats.uid === userInfo().uid;
  if (!stats.isDirectory() || !mine) {
    throw new LachesisError('failed_precondition', `${directory} is not a directory of yours.`, {
      reason: 'TOKEN_DIRECTORY',
      remedy: 'Remove it, or set XDG_RUNTIME_DIR to a directory that only you can write.',
    });
  }
  await chmod(directory, 0o700);
  const path = join(directory, `server-${new URL(file.address).port}.json`);
  const unfinished = `${path}.${file.pid}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    await writeFile(unfinished, `${JSON.stringify(file)}\n`, { mode: 0o600, flag: 'wx' });
    await rename(unfinished, path);
  } catch (thrown) {
    await rm(unfinished, { force: true });
    throw thrown;
  }
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      const text = await readFile(path, 'utf8').catch(() => '');
      if (text.includes(JSON.stringify(file.instanceId))) await rm(path, { force: true });
    },
  };
}
