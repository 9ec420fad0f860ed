// The Python environment of the tests and of the stub generator: `.venv`, made once from pinned wheels.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { takeLock } from './process-lock.ts';

const root = path.resolve(import.meta.dirname, '..');
const venv = path.join(root, '.venv');
const cache = path.join(root, 'node_modules', '.cache', 'lachesis');
const windows = process.platform === 'win32';
const oldestPython = [3, 10] as const;
const installTimeoutMs = 300_000;

/** Where the `lachesis` package is: the PYTHONPATH of every script that imports it. */
export const pythonSource = path.join(root, 'python', 'src');

/** An interpreter with everything installed, or the reason in words why there is none. */
export type PythonResult = { readonly python: string } | { readonly skipped: string };

export interface PythonOptions {
  /** Install protoc with its Python plugins too; default false. */
  readonly generator?: boolean;
}

/**
 * Makes `.venv` when it is missing or its requirements changed, else reuses it. Never throws for
 * a machine without python3 or PyPI: the caller reports `skipped` by name.
 */
export async function ensurePython(options: PythonOptions = {}): Promise<PythonResult> {
  const base = findPython();
  if ('skipped' in base) return base;
  const wanted = {
    environment: requirements('requirements-test.txt', base.version),
    generator: options.generator
      ? requirements('requirements-generate.txt', base.version)
      : undefined,
  };
  if (!isComplete(wanted)) {
    // Test files run in processes of their own, and all want it first.
    using _lock = await takeLock(path.join(cache, 'python.lock'), { timeoutMs: installTimeoutMs });
    const problem = isComplete(wanted) ? undefined : complete(base.python, wanted);
    if (problem !== undefined) return { skipped: problem };
  }
  return { python: interpreter(venv) };
}

interface Wanted {
  readonly environment: Requirements;
  readonly generator: Requirements | undefined;
}

function isComplete({ environment, generator }: Wanted): boolean {
  return isInstalled(environment) && (generator === undefined || isInstalled(generator));
}

/** Installs what is missing; returns what went wrong, in words. */
function complete(base: string, { environment, generator }: Wanted): string | undefined {
  if (!isInstalled(environment)) {
    // Built aside and renamed, so that an interrupted one is never taken for whole. Programs are
    // run as `python -m`, so it does not matter that its scripts name the old folder.
    const staging = path.join(cache, 'venv-unfinished');
    rmSync(staging, { recursive: true, force: true });
    const problem = createEnvironment(base, staging, environment);
    if (problem !== undefined) return problem;
    rmSync(venv, { recursive: true, force: true });
    renameSync(staging, venv);
  }
  if (generator === undefined || isInstalled(generator)) return undefined;
  const problem = install(interpreter(venv), generator);
  if (problem === undefined) writeFileSync(path.join(venv, generator.marker), generator.hash);
  return problem;
}

interface Requirements {
  readonly file: string;
  readonly marker: string;
  readonly hash: string;
}

function requirements(name: string, pythonVersion: string): Requirements {
  const file = path.join(root, 'python', name);
  const hash = createHash('sha256').update(pythonVersion).update(readFileSync(file)).digest('hex');
  return { file, marker: `.installed-${path.parse(name).name}`, hash };
}

function isInstalled({ marker, hash }: Requirements): boolean {
  const file = path.join(venv, marker);
  return (
    existsSync(interpreter(venv)) && existsSync(file) && readFileSync(file, 'utf8').trim() === hash
  );
}

function interpreter(environment: string): string {
  return windows
    ? path.join(environment, 'Scripts', 'python.exe')
    : path.join(environment, 'bin', 'python');
}

function findPython(): { python: string; version: string } | { skipped: string } {
  const python = windows ? 'python' : 'python3';
  const probe = spawnSync(python, ['-c', 'import sys; print("%d.%d.%d" % sys.version_info[:3])'], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  if (probe.status !== 0) {
    return {
      skipped: `No ${python} on the PATH: install Python ${oldestPython.join('.')} or newer.`,
    };
  }
  const version = probe.stdout.trim();
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < oldestPython[0] || (major === oldestPython[0] && minor < oldestPython[1])) {
    return { skipped: `${python} is ${version}: install ${oldestPython.join('.')} or newer.` };
  }
  return { python, version };
}

function createEnvironment(
  base: string,
  folder: string,
  environment: Requirements,
): string | undefined {
  const made = spawnSync(base, ['-m', 'venv', folder], { encoding: 'utf8', timeout: 60_000 });
  if (made.status !== 0) {
    return `${base} -m venv failed; on Debian: apt-get install python3-venv. ${lastLine(made)}`;
  }
  const problem = install(interpreter(folder), environment);
  if (problem === undefined) writeFileSync(path.join(folder, environment.marker), environment.hash);
  return problem;
}

function install(python: string, { file }: Requirements): string | undefined {
  const options = ['--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary', ':all:'];
  const done = spawnSync(python, ['-m', 'pip', 'install', ...options, '--requirement', file], {
    encoding: 'utf8',
    timeout: installTimeoutMs,
  });
  if (done.status === 0) return undefined;
  return `pip could not install python/${path.basename(file)}: is PyPI reachable? ${lastLine(done)}`;
}

function lastLine(result: { stdout: string; stderr: string }): string {
  return `${result.stdout ?? ''}\n${result.stderr ?? ''}`.trim().split('\n').at(-1) ?? '';
}
