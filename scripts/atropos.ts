// Atropos itself for test/atropos: its package from PyPI, without its dependencies but those that its
// server and its environment SDK import (186 MB). Installed when it is first wanted.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const folder = path.resolve(import.meta.dirname, '..', 'test', 'atropos');
const venv = path.join(folder, '.venv');
const requirements = path.join(folder, 'requirements.txt');
const marker = path.join(venv, '.installed');
const installTimeoutMs = 300_000;

/** The interpreter that has it; it may not be installed yet. */
export const atroposPython = path.join(venv, 'bin', 'python');

/** Installs what is missing; returns why it can't, in words. */
export function ensureAtropos(): { readonly skipped?: string } {
  const hash = createHash('sha256').update(readFileSync(requirements)).digest('hex');
  if (existsSync(marker) && readFileSync(marker, 'utf8') === hash) return {};
  if (process.platform === 'win32') return { skipped: 'it is not tried on Windows' };
  rmSync(venv, { recursive: true, force: true });
  const made = spawnSync('python3', ['-m', 'venv', venv], { encoding: 'utf8', timeout: 60_000 });
  if (made.status !== 0) return { skipped: `python3 -m venv failed: ${lastLine(made.stderr)}` };
  const options = ['--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary', ':all:'];
  const pip = spawnSync(
    atroposPython,
    ['-m', 'pip', 'install', ...options, '--requirement', requirements],
    { encoding: 'utf8', timeout: installTimeoutMs },
  );
  if (pip.status !== 0) {
    return { skipped: `pip could not install test/atropos: ${lastLine(pip.stderr)}` };
  }
  writeFileSync(marker, hash);
  return {};
}

function lastLine(text: string | null): string {
  return (text ?? '').trim().split('\n').at(-1) ?? '';
}
