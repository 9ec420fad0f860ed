// Podman for the tests of the docker backend: installed by apt-get where we are root on a Debian of CI.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const PACKAGES = ['podman', 'runc', 'catatonit', 'busybox-static'];
const PROGRAMS = ['podman', 'runc', 'catatonit', 'busybox'];
const installTimeoutMs = 600_000;

/** Installs what is missing; returns why it can't, in words. */
export function ensurePodman(): { readonly skipped?: string } {
  if (process.platform !== 'linux') return { skipped: `no Podman for ${process.platform}` };
  if (missing().length === 0) return {};
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    return {
      skipped: `there is no ${missing().join(', no ')}: apt-get install ${PACKAGES.join(' ')}`,
    };
  }
  const failed =
    aptGet('update', '-qq') ?? aptGet('install', '-y', '--no-install-recommends', ...PACKAGES);
  if (failed !== undefined) return { skipped: `apt-get could not install Podman: ${failed}` };
  const left = missing();
  return left.length === 0 ? {} : { skipped: `apt-get installed no ${left.join(', no ')}` };
}

function missing(): readonly string[] {
  const folders = (process.env['PATH'] ?? '').split(':').concat('/usr/sbin', '/usr/bin', '/bin');
  return PROGRAMS.filter((name) => !folders.some((folder) => existsSync(`${folder}/${name}`)));
}

function aptGet(...args: readonly string[]): string | undefined {
  const run = spawnSync('apt-get', args, {
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    timeout: installTimeoutMs,
  });
  if (run.status === 0) return undefined;
  return `${run.error?.message ?? run.stderr}`.trim().split('\n').at(-1) ?? 'it failed';
}
