import { spawn } from 'node:child_process';
import path from 'node:path';
import { atroposPython } from '../../../scripts/atropos.ts';

const folder = path.resolve(import.meta.dirname, '..');

export interface PythonProgram extends AsyncDisposable {
  /** Lines of its standard output so far. */
  readonly lines: readonly string[];
  /** Resolves when it has ended by itself; rejects with what it said when it failed. */
  readonly done: Promise<void>;
}

/** A program of this folder, with Atropos' package and the stand-ins. */
export function runPython(file: string, ...args: readonly string[]): PythonProgram {
  const child = spawn(atroposPython, [path.join(folder, file), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PYTHONPATH: path.join(folder, 'stand-ins') },
  });
  const lines: string[] = [];
  let rest = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const parts = `${rest}${chunk}`.split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts);
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = `${said}${chunk}`.slice(-4_000);
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const done = ended.then((code) => {
    if (code !== 0) throw new Error(`${file} ended with ${code}: ${said}`);
  });
  done.catch(() => {});
  return {
    lines,
    done,
    [Symbol.asyncDispose]: async () => {
      child.kill();
      await ended;
    },
  };
}

/** The same, started again whenever it ended by itself, as a supervisor does. */
export function keepRunning(file: string, ...args: readonly string[]): PythonProgram {
  let current = runPython(file, ...args);
  let isOver = false;
  const over = Promise.withResolvers<void>();
  const again = (): void => {
    if (isOver) return;
    current = runPython(file, ...args);
    current.done.then(again, again);
  };
  current.done.then(again, again);
  return {
    get lines() {
      return current.lines;
    },
    done: over.promise,
    [Symbol.asyncDispose]: async () => {
      isOver = true;
      over.resolve();
      await current[Symbol.asyncDispose]();
    },
  };
}
