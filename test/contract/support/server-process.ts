import { spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Target } from '../clients/contract-client.ts';

export interface ServerProcess extends AsyncDisposable {
  readonly target: Target;
  /** SIGKILL: no goodbye on any connection. */
  kill(): void;
}

/** The table's server in a process of its own; disposing of it kills it. */
export async function startServerProcess(): Promise<ServerProcess> {
  const main = path.join(import.meta.dirname, 'table-server-main.ts');
  const child = spawn(process.execPath, ['--conditions=lachesis-source', main], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = new Promise<void>((resolve) => child.on('close', () => resolve()));
  const line = await Promise.race([
    new Promise<string>((resolve) => createInterface(child.stdout).once('line', resolve)),
    closed.then(() => Promise.reject(new Error('the server process ended before it listened'))),
  ]);
  return {
    target: JSON.parse(line),
    kill: () => void child.kill('SIGKILL'),
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await closed;
    },
  };
}
