import { constants } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { arch, release } from 'node:os';

/** What of this machine decides which isolation works. */
export interface HostFacts {
  readonly node: string;
  /** `linux 6.18 x64`. */
  readonly system: string;
  /** Undefined where users have none. */
  readonly uid: number | undefined;
  /** Whether limits of whole groups of processes can be set: `v2, writable`, `v1, read-only`, `none`. */
  readonly cgroups: string;
}

export async function hostFacts(): Promise<HostFacts> {
  return {
    node: process.versions.node,
    system: `${process.platform} ${release()} ${arch()}`,
    uid: process.getuid?.(),
    cgroups: await cgroups(),
  };
}

async function cgroups(): Promise<string> {
  const mounts = await readFile('/proc/self/mounts', 'utf8').catch(() => '');
  const mounted = mounts
    .split('\n')
    .map((line) => line.split(' '))
    .find(([, , type]) => type === 'cgroup2' || type === 'cgroup');
  const [, at, type] = mounted ?? [];
  if (at === undefined) return 'none';
  const isWritable = await access(at, constants.W_OK).then(
    () => true,
    () => false,
  );
  return `${type === 'cgroup2' ? 'v2' : 'v1'}, ${isWritable ? 'writable' : 'read-only'}`;
}
