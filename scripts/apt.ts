// Packages of Debian that tests need: installed where we may, as on a machine of CI.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const timeoutMs = 600_000;

/** Installs them where we are root of a Debian; returns why it can't, in words. */
export function aptInstall(...packages: readonly string[]): string | undefined {
  const fix = `apt-get install ${packages.join(' ')}`;
  if (process.platform !== 'linux') return `not on ${process.platform}`;
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return fix;
  const install = () => aptGet('install', '--yes', '--no-install-recommends', ...packages);
  // Lists that are there and fresh enough spare the download.
  if (install() === undefined) return undefined;
  return aptGet('update', '--quiet') ?? install();
}

/** Undefined when it went well, else its last words. */
function aptGet(...args: readonly string[]): string | undefined {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const run = spawnSync('apt-get', args, { encoding: 'utf8', env, timeout: timeoutMs });
  if (run.status === 0) return undefined;
  return `${run.error?.message ?? run.stderr}`.trim().split('\n').at(-1) || 'it failed';
}
