import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { LachesisError } from '../../../errors.ts';

const FOLDERS = ['/usr/bin', '/bin', '/usr/sbin', '/sbin', '/usr/local/bin'];

/** The programs of the host that a box is made and entered by, as absolute paths. */
export interface HostTools {
  readonly bwrap: string;
  readonly nsenter: string;
  readonly setpriv: string;
}

/** What to install for each. */
const PACKAGES: Readonly<Record<keyof HostTools, string>> = {
  bwrap: 'bubblewrap',
  nsenter: 'util-linux',
  setpriv: 'util-linux',
};

/** Finds them in the system's own folders: not on `PATH`, which others may have written. */
export function findHostTools(given: Partial<HostTools> = {}): HostTools {
  if (process.platform !== 'linux') {
    throw new LachesisError(
      'failed_precondition',
      `bubblewrap makes boxes of Linux namespaces; this is ${process.platform}.`,
      {
        reason: 'BUBBLEWRAP_UNAVAILABLE',
        remedy: 'Use `just-bash`, `docker` or `modal` here (`lachesis doctor` tells which work).',
      },
    );
  }
  return {
    bwrap: find('bwrap', given),
    nsenter: find('nsenter', given),
    setpriv: find('setpriv', given),
  };
}

function find(name: keyof HostTools, given: Partial<HostTools>): string {
  const own = given[name];
  const files = own === undefined ? FOLDERS.map((folder) => path.join(folder, name)) : [own];
  for (const file of files) {
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // The next one may have it.
    }
  }
  throw new LachesisError('failed_precondition', `\`${name}\` is not installed.`, {
    reason: 'BUBBLEWRAP_UNAVAILABLE',
    remedy: `Install it: apt-get install ${PACKAGES[name]} (dnf and apk name it the same).`,
  });
}
