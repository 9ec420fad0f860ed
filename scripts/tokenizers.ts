// The tokenizers and chat templates of real models that test/tokenizers and bench/rendering.ts use:
// installed when they are first wanted, since they are 410 MB that no user and no `npm start` needs.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

const folder = path.resolve(import.meta.dirname, '..', 'test', 'tokenizers');
const installTimeoutMs = 300_000;

/** Installs what is missing; returns why it can't, in words. */
export function ensureTokenizers(): { readonly skipped?: string } {
  if (isInstalled()) return {};
  const windows = process.platform === 'win32';
  const options = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'];
  const npm = spawnSync(windows ? 'npm.cmd' : 'npm', ['ci', ...options], {
    cwd: folder,
    encoding: 'utf8',
    shell: windows,
    timeout: installTimeoutMs,
  });
  if (npm.status === 0) return {};
  const last = `${npm.stdout ?? ''}\n${npm.stderr ?? ''}`.trim().split('\n').at(-1) ?? '';
  return { skipped: `npm could not install test/tokenizers: is the registry reachable? ${last}` };
}

/** True when its node_modules holds what its lock asks for. */
function isInstalled(): boolean {
  const marker = path.join(folder, 'node_modules', '.package-lock.json');
  if (!existsSync(marker)) return false;
  const versions = (file: string): Record<string, { readonly version?: string }> =>
    JSON.parse(readFileSync(file, 'utf8')).packages;
  const have = versions(marker);
  return Object.entries(versions(path.join(folder, 'package-lock.json'))).every(
    ([name, { version }]) => name === '' || have[name]?.version === version,
  );
}
