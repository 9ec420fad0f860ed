// bubblewrap, which the tests of sandboxes make boxes with: installed where we may, as on a machine of CI.
import { spawnSync } from 'node:child_process';

const installTimeoutMs = 300_000;

/** Installs it when it is missing and we are root of a Debian; returns why it can't be had, in words. */
export function ensureBubblewrap(): { readonly skipped?: string } {
  if (process.platform !== 'linux')
    return { skipped: `There is no bubblewrap for ${process.platform}.` };
  if (isThere()) return {};
  const fix = 'Install it: apt-get install bubblewrap.';
  if (process.getuid?.() !== 0 || !runs('apt-get', ['--version'])) {
    return { skipped: `bubblewrap is not installed. ${fix}` };
  }
  const install = () => apt(['install', '--yes', '--no-install-recommends', 'bubblewrap']);
  // Lists that are there and fresh enough spare the download.
  if (install() !== undefined) {
    const problem = apt(['update']) ?? install();
    if (problem !== undefined)
      return { skipped: `apt-get could not install bubblewrap: ${problem}` };
  }
  return isThere() ? {} : { skipped: `apt-get installed no /usr/bin/bwrap. ${fix}` };
}

function isThere(): boolean {
  return runs('/usr/bin/bwrap', ['--version']);
}

function runs(program: string, args: readonly string[]): boolean {
  return spawnSync(program, args, { timeout: 20_000 }).status === 0;
}

/** Undefined when it went well, else its last words. */
function apt(args: readonly string[]): string | undefined {
  const done = spawnSync('apt-get', ['--quiet', ...args], {
    encoding: 'utf8',
    timeout: installTimeoutMs,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  if (done.status === 0) return undefined;
  const words = `${done.stdout ?? ''}\n${done.stderr ?? ''}`.trim().split('\n').at(-1);
  return words || (done.error?.message ?? `it ended with ${done.status ?? done.signal}`);
}
