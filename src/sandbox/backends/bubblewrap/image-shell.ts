import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import path from 'node:path';

const SHELL = '/bin/sh';
/** As the kernel allows. */
const MOST_LINKS = 40;

/**
 * Whether a root file system has the shell by which every command is begun. Its links are followed as a box
 * would, where its root is the root: `/bin -> /usr/bin` of an image is not the host's.
 */
export function hasShell(rootfs: string): boolean {
  let open = SHELL.split('/').filter(Boolean);
  let found = '/';
  let links = 0;
  let last: Stats | undefined;
  while (open.length > 0) {
    const [name = '', ...rest] = open;
    // There is nothing above the root.
    const next = path.posix.join(found, name);
    const stat = lookAt(path.join(rootfs, next));
    // What may not be looked at from here is judged by the box itself.
    if (stat === 'hidden') return true;
    if (stat === undefined) return false;
    if (stat.isSymbolicLink()) {
      links += 1;
      if (links > MOST_LINKS) return false;
      const target = readlinkSync(path.join(rootfs, next));
      if (target.startsWith('/')) found = '/';
      open = [...target.split('/').filter(Boolean), ...rest];
      continue;
    }
    last = stat;
    found = next;
    open = rest;
  }
  return last?.isFile() === true && (last.mode & 0o111) !== 0;
}

function lookAt(file: string): Stats | 'hidden' | undefined {
  try {
    return lstatSync(file);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    return ['ENOENT', 'ENOTDIR'].includes(code) ? undefined : 'hidden';
  }
}
