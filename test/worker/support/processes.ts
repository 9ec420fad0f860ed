import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../../..');

/** A child process of a test; disposing of it kills it. */
export interface Child extends AsyncDisposable {
  readonly pid: number;
  /** Both of its streams so far. */
  output(): string;
  /** Resolves once its output has it. */
  until(pattern: RegExp): Promise<RegExpExecArray>;
  /** SIGKILL, and waits until it is gone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
}

/** A folder of a test's own, where its processes also find each other's tokens. */
export async function testFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'lachesis-worker-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  return { path: folder, [Symbol.asyncDispose]: remove };
}

/** Runs a TypeScript file, given from the root of the repository, in a process of its own. */
export function runChild(file: string, args: readonly string[], runtimeFolder: string): Child {
  const child = spawn(
    process.execPath,
    ['--conditions=lachesis-source', path.join(root, file), ...args],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, XDG_RUNTIME_DIR: runtimeFolder, OPENAI_API_KEY: 'none' },
    },
  );
  const ended = once(child, 'close') as Promise<[number | null]>;
  let text = '';
  const looks = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => {
      text += chunk;
      for (const look of looks) look();
    });
  }
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (isAlive(child)) child.kill(signal);
    return (await ended)[0];
  };
  return {
    pid: child.pid ?? 0,
    output: () => text,
    until: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const match = pattern.exec(text);
          if (match === null) return;
          looks.delete(look);
          resolve(match);
        };
        looks.add(look);
        look();
        void ended.then(() => reject(new Error(`ended without ${pattern}: ${text}`)));
      }),
    kill: async () => void (await end('SIGKILL')),
    stop: () => end('SIGTERM'),
    [Symbol.asyncDispose]: async () => void (await end('SIGKILL')),
  };
}

function isAlive({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null;
}

/** A port of the loopback that nobody has just now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
