import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const program = path.join(import.meta.dirname, 'durable-server.ts');

/** A gateway in a process of its own, that is killed and started again on its port and its store. */
export class KillableServer implements AsyncDisposable {
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'lachesis-atropos-'));
  #child: ChildProcess | undefined;
  #address = '';

  static async start(): Promise<KillableServer> {
    const server = new KillableServer();
    await server.start();
    return server;
  }

  get address(): string {
    return this.#address;
  }

  async start(): Promise<void> {
    const port = this.#address === '' ? '0' : new URL(this.#address).port;
    const child = spawn(
      process.execPath,
      ['--conditions=lachesis-source', program, this.#folder, port],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    this.#child = child;
    this.#address = await new Promise<string>((resolve, reject) => {
      let said = '';
      child.stdout.on('data', (chunk: Buffer) => {
        said += chunk;
        const [, address] = /atropos on (\S+)/.exec(said) ?? [];
        if (address !== undefined) resolve(address);
      });
      child.once('exit', (code) => reject(new Error(`the server ended with ${code}: ${said}`)));
    });
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null) return;
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGKILL');
    await gone;
    this.#child = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true });
  }
}
