import { refusedEntry } from './refused-entry.ts';

const MAX_NAME_BYTES = 4_096;
const MAX_DEPTH = 400;

/** The parts of an entry's name; refuses one that leads out, or that some system would read as more. */
export function entryParts(name: string): string[] {
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) throw refusedEntry(name, 'has too long a name');
  if (name.startsWith('/')) throw refusedEntry(name, 'has an absolute name');
  if (name.includes('\0')) throw refusedEntry(name, 'has a NUL in its name');
  if (process.platform === 'win32' && /[\\:]/.test(name)) {
    throw refusedEntry(name, 'has a name that Windows reads as a path');
  }
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw refusedEntry(name, 'leads out of its folder');
  // The root of an archive of `/` is `.` itself.
  if (name.split('/')[0] === '.') parts.unshift('.');
  if (parts.length === 0) throw refusedEntry(name, 'has no name');
  if (parts.length > MAX_DEPTH) throw refusedEntry(name, 'is too deep');
  return parts;
}

/**
 * Refuses a link out of the root of what is unpacked. `depth`: how many folders below the root it is in.
 * A `..` after a name is refused as well: what it means depends on where another link leads.
 */
export function checkLinkTarget(name: string, target: string, depth: number): void {
  if (target === '' || target.includes('\0')) throw refusedEntry(name, 'is a link to nothing');
  if (target.startsWith('/')) throw refusedEntry(name, 'is a link to an absolute path');
  if (process.platform === 'win32' && /[\\:]/.test(target)) {
    throw refusedEntry(name, 'is a link that Windows reads as another');
  }
  const parts = target.split('/').filter((part) => part !== '' && part !== '.');
  const ups = parts.findIndex((part) => part !== '..');
  const upCount = ups < 0 ? parts.length : ups;
  if (upCount > depth || parts.slice(upCount).includes('..')) {
    throw refusedEntry(name, 'is a link that leads out');
  }
}
