import path from 'node:path';
import type { InMemoryFs } from 'just-bash';
import type { FileStat } from '../../../contract/sandbox.ts';
import { type ArchiveEntry, archiveEntries, entryBody } from '../../../rollout/archive-entries.ts';
import { entryParts } from '../../../rollout/entry-names.ts';
import { type AddEntry, packEntries } from '../../../rollout/pack-from-host.ts';

type Found = Awaited<ReturnType<InMemoryFs['lstat']>>;

/** Undefined when nothing is there. */
export async function statFile(files: InMemoryFs, at: string): Promise<FileStat | undefined> {
  const found = await files.lstat(at).catch(() => undefined);
  if (found === undefined) return undefined;
  return {
    type: typeOf(found),
    size: found.isFile ? found.size : 0,
    mode: found.mode & 0o7777,
    modifiedMs: found.mtime.getTime(),
  };
}

export async function packFiles(files: InMemoryFs, source: string): Promise<Uint8Array> {
  const at = path.posix.normalize(source);
  const pieces: Uint8Array[] = [];
  const name = path.posix.basename(at) || '.';
  for await (const piece of packEntries((add) => addTree(files, at, name, add))) pieces.push(piece);
  return Buffer.concat(pieces);
}

export async function unpackFiles(
  files: InMemoryFs,
  target: string,
  tar: Uint8Array,
): Promise<void> {
  await files.mkdir(target, { recursive: true });
  const source = async function* () {
    yield tar;
  };
  for await (const entry of archiveEntries(source())) {
    await putEntry(files, target, entry);
  }
}

async function addTree(files: InMemoryFs, at: string, name: string, add: AddEntry): Promise<void> {
  const found = await files.lstat(at);
  const of = { mode: found.mode & 0o7777, mtime: found.mtime };
  switch (typeOf(found)) {
    case 'link': {
      const linkname = await files.readlink(at);
      return await add({ ...of, name, type: 'symlink', size: 0, linkname }, []);
    }
    case 'file': {
      const bytes = await files.readFileBuffer(at);
      return await add({ ...of, name, type: 'file', size: bytes.length }, [bytes]);
    }
    default:
  }
  await add({ ...of, name: `${name}/`, type: 'directory', size: 0 }, []);
  for (const child of await files.readdir(at)) {
    await addTree(files, path.posix.join(at, child), `${name}/${child}`, add);
  }
}

async function putEntry(files: InMemoryFs, target: string, entry: ArchiveEntry): Promise<void> {
  const { name, type = 'file', mode = 0o644, mtime, linkname = '' } = entry.header;
  const at = path.posix.join(target, ...entryParts(name));
  const there = await files.lstat(at).catch(() => undefined);
  if (type === 'directory') {
    if (there?.isDirectory !== true) await files.mkdir(at, { recursive: true });
    await entry.body.cancel();
    await files.chmod(at, mode & 0o7777);
    return;
  }
  await files.mkdir(path.posix.dirname(at), { recursive: true });
  // A link is replaced, not followed.
  if (there !== undefined && !there.isDirectory) await files.rm(at);
  if (type === 'file') {
    const pieces: Uint8Array[] = [];
    for await (const bytes of entryBody(entry)) pieces.push(bytes);
    await files.writeFile(at, Buffer.concat(pieces));
    await files.chmod(at, mode & 0o7777);
    if (mtime !== undefined) await files.utimes(at, mtime, mtime);
    return;
  }
  await entry.body.cancel();
  if (type === 'symlink') await files.symlink(linkname, at);
  else if (type === 'link') {
    await files.link(path.posix.join(target, ...entryParts(linkname)), at);
  } else throw new Error(`${name} is a ${type}, which a simulated sandbox has none of`);
}

function typeOf(found: Found): FileStat['type'] {
  if (found.isSymbolicLink) return 'link';
  if (found.isDirectory) return 'directory';
  return found.isFile ? 'file' : 'other';
}
