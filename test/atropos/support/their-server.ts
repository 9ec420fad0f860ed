import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import path from 'node:path';
import { atroposPython } from '../../../scripts/atropos.ts';
import { ask } from '../../gateways/atropos/support.ts';

const folder = path.resolve(import.meta.dirname, '..');

export interface TheirServer extends AsyncDisposable {
  readonly address: string;
}

/** Atropos' own server, until it is disposed of. */
export async function startTheirServer(): Promise<TheirServer> {
  const port = await freePort();
  const child = spawn(atroposPython, [path.join(folder, 'serve.py'), String(port)], {
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = `${said}${chunk}`.slice(-4_000);
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const address = `http://127.0.0.1:${port}`;
  const deadlineMs = Date.now() + 30_000;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`Atropos' server ended: ${said}`);
    if (Date.now() > deadlineMs) throw new Error(`Atropos' server does not answer: ${said}`);
    const answer = await ask(address, '/').catch(() => undefined);
    if (answer?.status === 200) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    address,
    [Symbol.asyncDispose]: async () => {
      child.kill();
      await ended;
    },
  };
}

/** Uvicorn does not say which port it took for 0. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
