import { constants } from 'node:fs';
import { lstat, open, readdir } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

/** What a server on this machine leaves for clients of the same user. */
export interface TokenFile {
  /** `http://127.0.0.1:50051`. */
  readonly address: string;
  readonly pid: number;
  readonly instanceId: string;
  readonly tokens: Readonly<Record<'operator' | 'trainer' | 'worker', string>> & {
    /** A server of an earlier version leaves none. */
    readonly agent?: string;
  };
}

export interface FoundTokenFile extends TokenFile {
  readonly path: string;
  readonly modifiedMs: number;
}

/** Where token files are: the user's runtime directory, or one under the temporary directory. */
export function tokenDirectory(): string {
  const runtime = process.env['XDG_RUNTIME_DIR'];
  if (runtime !== undefined && runtime !== '') return join(runtime, 'lachesis');
  return join(tmpdir(), `lachesis-${userInfo().uid}`);
}

/**
 * The token files of servers that run, newest first. A file that another user could have written or
 * read is passed over, and so is one whose process is gone.
 */
export async function findTokenFiles(
  directory: string = tokenDirectory(),
): Promise<readonly FoundTokenFile[]> {
  const stats = await lstat(directory).catch(() => undefined);
  if (stats === undefined || !stats.isDirectory() || !isPrivate(stats)) return [];
  const names = await readdir(directory).catch(() => []);
  const files = await Promise.all(
    names
      .filter((name) => name.endsWith('.json'))
      .map((name) => readTokenFile(join(directory, name))),
  );
  return files
    .filter((file) => file !== undefined)
    .filter((file) => isRunning(file.pid))
    .sort((a, b) => b.modifiedMs - a.modifiedMs);
}

/** A directory changed less than this long ago may change again without its time telling. */
const SETTLED_MS = 1_000;

/**
 * The same as before when no server came or went since: files are put there whole, under new names, which
 * moves the directory's time. Undefined when that can't be told.
 */
export async function directoryMark(
  directory: string = tokenDirectory(),
): Promise<string | undefined> {
  const stats = await lstat(directory, { bigint: true }).catch(() => undefined);
  if (stats === undefined) return undefined;
  const ageMs = Date.now() - Number(stats.mtimeMs);
  return ageMs > SETTLED_MS ? `${stats.ino} ${stats.mtimeNs}` : undefined;
}

async function readTokenFile(path: string): Promise<FoundTokenFile | undefined> {
  try {
    // A link could point at a file that someone else controls.
    await using handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    const stats = await handle.stat();
    if (!stats.isFile() || !isPrivate(stats) || stats.size > 65_536) return undefined;
    const file: unknown = JSON.parse(await handle.readFile('utf8'));
    return isTokenFile(file) ? { ...file, path, modifiedMs: stats.mtimeMs } : undefined;
  } catch {
    // Removed meanwhile, or not a token file: it names no server.
    return undefined;
  }
}

function isPrivate(stats: { readonly uid: number; readonly mode: number }): boolean {
  if (process.platform === 'win32') return true;
  return stats.uid === userInfo().uid && (stats.mode & 0o077) === 0;
}

/** Whether a process of this id runs, whoever owns it. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function isTokenFile(value: unknown): value is TokenFile {
  if (typeof value !== 'object' || value === null) return false;
  const file = value as Partial<TokenFile>;
  return (
    typeof file.address === 'string' &&
    Number.isInteger(file.pid) &&
    typeof file.instanceId === 'string' &&
    typeof file.tokens?.operator === 'string' &&
    typeof file.tokens.trainer === 'string' &&
    typeof file.tokens.worker === 'string' &&
    ['string', 'undefined'].includes(typeof file.tokens.agent)
  );
}
