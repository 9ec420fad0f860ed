import { randomBytes } from 'node:crypto';
import { link, lstat, mkdir, open, readdir, rename, rm, rmdir, symlink } from 'node:fs/promises';
import path from 'node:path';
import { LachesisError } from '../../errors.ts';
import { type ArchiveEntry, archiveEntries, entryBody } from './archive-entries.ts';
import { checkLinkTarget, entryParts } from './entry-names.ts';
import { refusedEntry } from './refused-entry.ts';

export interface UnpackLimits {
  readonly maxBytes: number;
  readonly maxEntries: number;
  readonly signal?: AbortSignal;
}

/**
 * Unpacks a sandbox's archive of one file or folder as `hostPath`. It is made under another name in a folder
 * that only we may write to, with its links last, and gets its name when it is whole: nothing that an archive
 * or a link says leads anywhere else. Refuses to put it where something is already, an empty folder or, for a
 * file, another file excepted.
 */
export async function unpackOnHost(
  tar: AsyncIterable<Uint8Array>,
  hostPath: string,
  limits: UnpackLimits,
): Promise<void> {
  const target = path.resolve(hostPath);
  const parent = path.dirname(target);
  await mkdir(parent, { recursive: true });
  const stage = path.join(parent, `.lachesis-${randomBytes(8).toString('hex')}`);
  await mkdir(stage, { mode: 0o700 });
  try {
    const unpacking = new Unpacking(path.join(stage, 'whole'), limits);
    for await (const entry of archiveEntries(tar)) {
      limits.signal?.throwIfAborted();
      await unpacking.take(entry);
    }
    await moveTo(target, await unpacking.finish());
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
}

async function moveTo(
  target: string,
  made: { readonly at: string; readonly isFolder: boolean },
): Promise<void> {
  const there = await lstat(target).catch(() => undefined);
  const isFree =
    there === undefined ||
    (made.isFolder ? there.isDirectory() && (await readdir(target)).length === 0 : there.isFile());
  if (!isFree) {
    throw new LachesisError('already_exists', `${target} is there already.`, {
      reason: 'DOWNLOAD_TARGET_EXISTS',
      remedy: 'Name a path where nothing is yet, or an empty folder.',
    });
  }
  if (there?.isDirectory() === true) await rmdir(target);
  await rename(made.at, target);
}

/** The files of one archive, on their way to the host. Its first entry is the root of all others. */
class Unpacking {
  readonly #root: string;
  readonly #limits: UnpackLimits;
  readonly #folders = new Set<string>();
  readonly #files = new Set<string>();
  readonly #links = new Map<string, string>();
  #rootName: string | undefined;
  #entries = 0;
  #bytes = 0;

  constructor(root: string, limits: UnpackLimits) {
    this.#root = root;
    this.#limits = limits;
  }

  async take(entry: ArchiveEntry): Promise<void> {
    const { name, type = 'file', mode = 0o644, pax = {} } = entry.header;
    const { maxEntries } = this.#limits;
    this.#entries += 1;
    if (this.#entries > maxEntries) {
      throw refusedEntry(name, `is one more than ${maxEntries}`, 'ARCHIVE_TOO_LARGE');
    }
    if (Object.keys(pax).some((key) => key.startsWith('GNU.sparse.'))) {
      throw refusedEntry(name, 'is a sparse file');
    }
    const place = this.#place(name);
    if (type === 'file') {
      await this.#makeFile(entry, place, mode);
      return;
    }
    if (type === 'directory') await this.#makeFolder(name, place, mode);
    else if (type === 'symlink') this.#keepLink(name, place, entry.header.linkname ?? '');
    else if (type === 'link') await this.#makeHardLink(name, place, entry.header.linkname ?? '');
    else throw refusedEntry(name, `is a ${type}`);
    await entry.body.cancel();
  }

  /** Makes the links, and tells where the whole thing is. */
  async finish(): Promise<{ readonly at: string; readonly isFolder: boolean }> {
    for (const [place, target] of this.#links) await symlink(target, this.#at(place));
    if (this.#entries === 0) throw refusedEntry('', 'is missing: it is empty');
    return { at: this.#root, isFolder: this.#folders.has('') };
  }

  /** The entry's path below the root; the root's own is empty. */
  #place(name: string): string {
    const [first = '', ...below] = entryParts(name);
    this.#rootName ??= first;
    if (first !== this.#rootName) throw refusedEntry(name, 'is not of what was asked for');
    const parents = below.slice(0, -1);
    if (below.length > 0 && !this.#folders.has(parents.join('/'))) {
      throw refusedEntry(name, 'is in no folder of the archive');
    }
    const place = below.join('/');
    const isTaken = this.#files.has(place) || this.#links.has(place) || this.#folders.has(place);
    if (isTaken) throw refusedEntry(name, 'is there twice');
    return place;
  }

  #at(place: string): string {
    return place === '' ? this.#root : path.join(this.#root, place);
  }

  async #makeFolder(name: string, place: string, mode: number): Promise<void> {
    if (place === '' && this.#entries > 1) throw refusedEntry(name, 'is there twice');
    // Ours to write to, whatever the archive says: more comes into it.
    await mkdir(this.#at(place), { mode: (mode & 0o777) | 0o700 });
    this.#folders.add(place);
  }

  async #makeFile(entry: ArchiveEntry, place: string, mode: number): Promise<void> {
    const { name, size } = entry.header;
    const { maxBytes, signal } = this.#limits;
    this.#bytes += size;
    if (this.#bytes > maxBytes) {
      throw refusedEntry(name, `makes it more than ${maxBytes} bytes`, 'ARCHIVE_TOO_LARGE');
    }
    const file = await open(this.#at(place), 'wx', mode & 0o777);
    try {
      for await (const bytes of entryBody(entry)) {
        signal?.throwIfAborted();
        await file.writeFile(bytes);
      }
    } finally {
      await file.close();
    }
    this.#files.add(place);
  }

  #keepLink(name: string, place: string, target: string): void {
    if (place === '') throw refusedEntry(name, 'is a link, and nothing else was asked for');
    const depth = place.split('/').length - 1;
    checkLinkTarget(name, target, depth);
    this.#links.set(place, target);
  }

  async #makeHardLink(name: string, place: string, target: string): Promise<void> {
    const [first, ...below] = entryParts(target);
    const source = below.join('/');
    if (first !== this.#rootName || !this.#files.has(source)) {
      throw refusedEntry(name, 'is a hard link to no file of the archive');
    }
    await link(this.#at(source), this.#at(place));
    this.#files.add(place);
  }
}
