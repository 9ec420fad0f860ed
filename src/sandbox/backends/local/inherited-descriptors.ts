import { readdirSync, readFileSync } from 'node:fs';

const O_CLOEXEC = 0o2000000;

/**
 * Descriptors of ours that a child would be given beside its own three: those that our parent left open to us
 * beyond the first few, which Node closes by itself.
 */
export function inheritedDescriptors(): readonly number[] {
  let names: string[];
  try {
    names = readdirSync('/proc/self/fdinfo');
  } catch {
    return [];
  }
  return names.map(Number).filter((fd) => fd > 2 && isInherited(fd));
}

function isInherited(fd: number): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1];
    return flags !== undefined && (Number.parseInt(flags, 8) & O_CLOEXEC) === 0;
  } catch {
    // The one of the listing itself.
    return false;
  }
}

/** A command line that closes them first; it itself where there are none. */
export function withoutDescriptors(
  descriptors: readonly number[],
  argv: readonly string[],
): readonly string[] {
  if (descriptors.length === 0) return argv;
  const close = descriptors.map((fd) => `${fd}>&-`).join(' ');
  // Bash, since a plain sh may know descriptors of one digit only.
  return ['/bin/bash', '-c', `exec ${close}; exec "$@"`, 'bash', ...argv];
}
