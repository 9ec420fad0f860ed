import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { runProgram } from '../local/run-program.ts';

const PREFIX = 'lachesis-sandbox-';
const CARD = 'sandbox.json';

/** The private folder of one sandbox, and who it belongs to. */
export interface SandboxFolder {
  readonly id: string;
  readonly root: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** Where a sandbox's files belong; `temporary` and `home` are its own too. */
export const WORK = 'workspace';

export async function makeFolder(
  parent: string,
  tags: Readonly<Record<string, string>>,
): Promise<SandboxFolder> {
  const id = `process-${randomUUID()}`;
  const root = path.join(parent, `${PREFIX}${id}`);
  await mkdir(root, { mode: 0o700 });
  for (const name of [WORK, 'tmp', 'home', 'pipes']) await mkdir(path.join(root, name));
  // Renamed when whole, so that whoever lists them reads all of it or nothing.
  await writeFile(path.join(root, `${CARD}.new`), JSON.stringify({ id, tags }));
  await rename(path.join(root, `${CARD}.new`), path.join(root, CARD));
  return { id, root, tags };
}

/** Those in `parent`, of whichever process of this user. */
export async function findFolders(parent: string): Promise<readonly SandboxFolder[]> {
  const names = await readdir(parent).catch(() => []);
  const found = await Promise.all(
    names.filter((name) => name.startsWith(PREFIX)).map((name) => readFolder(parent, name)),
  );
  return found.filter((each) => each !== undefined);
}

async function readFolder(parent: string, name: string): Promise<SandboxFolder | undefined> {
  const root = path.join(parent, name);
  try {
    const { id, tags } = JSON.parse(await readFile(path.join(root, CARD), 'utf8'));
    return `${PREFIX}${id}` === name ? { id, root, tags } : undefined;
  } catch {
    // Another user's, or one that is being made or removed.
    return undefined;
  }
}

/** Removes it whole, whatever permissions were set in there. Links are not followed. */
export async function removeFolder({ root }: SandboxFolder): Promise<void> {
  try {
    await rm(root, { recursive: true, force: true });
  } catch {
    // A folder that its owner may not enter; `find` names no links when it looks for folders.
    await runProgram('/usr/bin/find', [
      root,
      '-type',
      'd',
      '!',
      '-perm',
      '-700',
      '-exec',
      'chmod',
      'u+rwx',
      '{}',
      ';',
    ]);
    await rm(root, { recursive: true, force: true, maxRetries: 3 });
  }
}
