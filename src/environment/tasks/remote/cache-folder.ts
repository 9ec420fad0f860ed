import { createHash, randomUUID } from 'node:crypto';
import {
  chmod,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  utimes,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { errorMessage, LachesisError } from '../../../errors.ts';
import { isJsonObject } from '../../../messages.ts';

/** A copy that is kept of what a URL names, whole. */
export interface KeptCopy {
  readonly path: string;
  /** As the server named this state of it; empty when it did not. */
  readonly etag: string;
  readonly lastModified: string;
}

const SCHEMA = 'lachesis.download/1';
/** A run may still read what is no longer current; after this long it is given up. */
const STALE_MS = 30 * 24 * 3_600_000;

/**
 * The copies of what URLs name, in a folder. A copy is named by its content and never changed, so that
 * whoever reads it is not disturbed when a newer one comes; a note beside them says which is current.
 */
export class CacheFolder {
  readonly #folder: string;
  /** What the files of this URL begin with. */
  readonly #name: string;
  readonly #shown: string;

  private constructor(folder: string, name: string, shown: string) {
    this.#folder = folder;
    this.#name = name;
    this.#shown = shown;
  }

  /** Default folder: `lachesis-<user id>/tasks` among the system's temporary files, of this user alone. */
  static async open(
    url: { readonly href: string; readonly shown: string },
    folder?: string,
  ): Promise<CacheFolder> {
    const opened = folder ?? path.join(await ownFolder(), 'tasks');
    await inCache(opened, () => mkdir(opened, { recursive: true, mode: 0o700 }));
    const name = createHash('sha256').update(url.href).digest('hex').slice(0, 32);
    return new CacheFolder(opened, name, url.shown);
  }

  /** The current copy; undefined when there is none, or not all of it. */
  async current(): Promise<KeptCopy | undefined> {
    try {
      const note: unknown = JSON.parse(await readFile(this.#note, 'utf8'));
      if (!isJsonObject(note) || note['schema'] !== SCHEMA) return undefined;
      const { file, bytes, etag, last_modified } = note;
      const found = path.join(this.#folder, path.basename(String(file)));
      if ((await stat(found)).size !== bytes) return undefined;
      // From now on it is in use, however old it is.
      const now = new Date();
      await utimes(found, now, now).catch(() => {});
      return { path: found, etag: String(etag), lastModified: String(last_modified) };
    } catch {
      // None, or one that is of no use: it is made anew.
      return undefined;
    }
  }

  /** Takes a whole copy from `write`, or none of it, and makes it the current one. */
  async keep(
    write: (append: (chunk: Uint8Array) => Promise<void>) => Promise<Omit<KeptCopy, 'path'>>,
  ): Promise<string> {
    const hash = createHash('sha256');
    let bytes = 0;
    const { named, state } = await this.#written(
      () => path.join(this.#folder, `${this.#name}.${hash.digest('hex').slice(0, 32)}`),
      (append) =>
        write(async (chunk) => {
          bytes += chunk.length;
          hash.update(chunk);
          await append(chunk);
        }),
    );
    const { etag, lastModified } = state;
    const note = { schema: SCHEMA, url: this.#shown, file: path.basename(named), bytes, etag };
    const text = JSON.stringify({ ...note, last_modified: lastModified }, null, 2);
    await this.#written(
      () => this.#note,
      (append) => append(Buffer.from(`${text}\n`)),
    );
    await this.#removeStale(path.basename(named));
    return named;
  }

  get #note(): string {
    return path.join(this.#folder, `${this.#name}.json`);
  }

  async #written<State>(
    nameOf: () => string,
    write: (append: (chunk: Uint8Array) => Promise<void>) => Promise<State>,
  ): Promise<{ readonly named: string; readonly state: State }> {
    const folder = this.#folder;
    const unfinished = path.join(folder, `${this.#name}.${randomUUID()}.tmp`);
    try {
      const file = await inCache(folder, () => open(unfinished, 'wx', 0o600));
      let state: State;
      try {
        state = await write((chunk) => inCache(folder, () => file.appendFile(chunk)));
        await inCache(folder, () => file.sync());
      } finally {
        await file.close();
      }
      const named = nameOf();
      await inCache(folder, () => rename(unfinished, named));
      return { named, state };
    } catch (error) {
      await rm(unfinished, { force: true });
      throw error;
    }
  }

  /** What of this URL is not current and old: earlier copies, and what a killed process left. */
  async #removeStale(current: string): Promise<void> {
    const before = Date.now() - STALE_MS;
    for (const file of await readdir(this.#folder).catch(() => [])) {
      if (!file.startsWith(`${this.#name}.`) || file === current || file.endsWith('.json'))
        continue;
      const full = path.join(this.#folder, file);
      const age = await stat(full).catch(() => undefined);
      if (age !== undefined && age.mtimeMs < before) await rm(full, { force: true });
    }
  }
}

/** Refused when somebody else made it first: what they put there would be played. */
async function ownFolder(): Promise<string> {
  // Where there are no user ids, the temporary files are each user's own.
  const uid = process.getuid?.();
  const folder = path.join(tmpdir(), `lachesis-${uid ?? 'user'}`);
  await inCache(folder, () => mkdir(folder, { recursive: true, mode: 0o700 }));
  const stats = await inCache(folder, () => lstat(folder));
  const isMine = uid === undefined || stats.uid === uid;
  if (!stats.isDirectory() || !isMine) throw cacheError(folder, 'is not a folder of yours');
  await inCache(folder, () => chmod(folder, 0o700));
  return folder;
}

async function inCache<Result>(folder: string, act: () => Promise<Result>): Promise<Result> {
  try {
    return await act();
  } catch (error) {
    throw cacheError(folder, `can't be used: ${errorMessage(error)}`, error);
  }
}

function cacheError(folder: string, problem: string, cause?: unknown): LachesisError {
  return new LachesisError('failed_precondition', `The cache ${folder} ${problem}.`, {
    reason: 'TASK_CACHE',
    remedy: 'Make it a folder that you can write, or give another: { cache: FOLDER }.',
    cause,
  });
}
