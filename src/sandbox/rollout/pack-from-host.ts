import { createReadStream } from 'node:fs';
import { lstat, opendir, readlink, stat } from 'node:fs/promises';
import path from 'node:path';
import { createTarPacker, type TarHeader } from 'modern-tar';
import { invalidInput } from '../../errors.ts';

/**
 * A tar archive of a file or folder of the host, streamed; in it the root is named `name`. Links below it are
 * packed as links. Refuses what is neither file, folder nor link.
 */
export async function* packFromHost(
  hostPath: string,
  name: string,
  { signal }: { readonly signal?: AbortSignal } = {},
): AsyncGenerator<Uint8Array, void> {
  // A link that the caller names is the caller's to follow.
  const root = await stat(hostPath).catch((cause: unknown) => {
    throw invalidInput('hostPath', `${hostPath} can't be read.`, { cause });
  });
  yield* packEntries(async (add) => {
    const entries = root.isDirectory() ? walk(hostPath, name) : single(hostPath, name);
    for await (const { at, header } of entries) {
      signal?.throwIfAborted();
      await add(header, header.type === 'file' ? createReadStream(at) : []);
    }
  });
}

/** Adds one entry with its bytes, as many as its header says. */
export type AddEntry = (
  header: TarHeader,
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
) => Promise<void>;

/** The archive that `fill` fills. When it is left early, `fill` is stopped at its next entry or piece. */
export async function* packEntries(
  fill: (add: AddEntry) => Promise<void>,
): AsyncGenerator<Uint8Array, void> {
  const { readable, controller } = createTarPacker();
  const filled = fill(async (header, body) => {
    const writer = controller.add(header).getWriter();
    // Its failure is told by the write that met it.
    writer.closed.catch(() => {});
    for await (const bytes of body) await writer.write(bytes);
    await writer.close();
  }).then(
    () => controller.finalize(),
    (error: unknown) => controller.error(error),
  );
  filled.catch(() => {});
  yield* readable.values();
  await filled;
}

interface HostEntry {
  readonly at: string;
  readonly header: TarHeader;
}

async function* single(at: string, name: string): AsyncGenerator<HostEntry> {
  const found = await stat(at);
  if (!found.isFile()) throw invalidInput('hostPath', `${at} is neither file nor folder.`);
  yield { at, header: headerOf(name, 'file', found, found.size) };
}

async function* walk(folder: string, name: string): AsyncGenerator<HostEntry> {
  yield { at: folder, header: headerOf(`${name}/`, 'directory', await stat(folder), 0) };
  for await (const { name: child } of await opendir(folder)) {
    const at = path.join(folder, child);
    const inArchive = `${name}/${child}`;
    const found = await lstat(at);
    if (found.isDirectory()) yield* walk(at, inArchive);
    else if (found.isFile()) yield { at, header: headerOf(inArchive, 'file', found, found.size) };
    else if (found.isSymbolicLink()) {
      const header = headerOf(inArchive, 'symlink', found, 0);
      yield { at, header: { ...header, linkname: await readlink(at) } };
    } else throw invalidInput('hostPath', `${at} is neither file, folder nor link.`);
  }
}

function headerOf(
  name: string,
  type: NonNullable<TarHeader['type']>,
  { mode, mtime }: { readonly mode: number; readonly mtime: Date },
  size: number,
): TarHeader {
  return { name, type, size, mode: mode & 0o777, mtime };
}
