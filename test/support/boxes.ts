import { spawnSync } from 'node:child_process';

/**
 * Why no boxes can be made here, or undefined. For `describe.skipIf`: what is skipped is named, and fails in CI,
 * where scripts/bubblewrap.ts installs what is missing.
 */
export const noBoxes: string | undefined = whyNot();

function whyNot(): string | undefined {
  if (process.platform !== 'linux') return `bubblewrap is not for ${process.platform}`;
  const args = ['--unshare-all', '--ro-bind', '/', '/', '--proc', '/proc', '--', '/bin/true'];
  const tried = spawnSync('/usr/bin/bwrap', args, { encoding: 'utf8', timeout: 20_000 });
  if (tried.status === 0) return undefined;
  return `bubblewrap does not work here: ${tried.error?.message ?? tried.stderr}`;
}
