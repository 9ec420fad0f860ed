import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';

export interface ServeProcess extends AsyncDisposable {
  readonly address: string;
  readonly atroposAddress: string;
  readonly pid: number;
  /** By kill -9. */
  kill(): Promise<void>;
}

const root = path.resolve(import.meta.dirname, '../..');

/** `lachesis serve` without environments, over a store; resolves when it listens. */
export async function startServe(store: string, ...more: readonly string[]): Promise<ServeProcess> {
  const words = ['serve', '--atropos', '0', '--no-auth', '--store', store, ...more];
  const args = [...process.execArgv, 'src/cli/run.ts', ...words];
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const said = await new Promise<string>((resolve, reject) => {
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk;
      if (/atropos on \S+\n/.test(text)) resolve(text);
    });
    void ended.then(() => reject(new Error(`the server ended: ${text}`)));
  });
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal);
    await ended;
  };
  return {
    address: /listening on (\S+)/.exec(said)?.[1] ?? '',
    atroposAddress: /atropos on (\S+)/.exec(said)?.[1] ?? '',
    pid: child.pid ?? 0,
    kill: () => end('SIGKILL'),
    [Symbol.asyncDispose]: () => end('SIGTERM'),
  };
}

/** What a process has used since it started, by the kernel's own count. */
export function useOf(pid: number): { readonly cpuMs: number; readonly residentBytes: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // In ticks of a hundredth of a second.
  const cpuMs = (Number(fields[11]) + Number(fields[12])) * 10;
  return { cpuMs, residentBytes: Number(fields[21]) * 4_096 };
}
