import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import type { ServerChildOptions } from './server-child.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');
const NODE = ['--conditions=lachesis-source', '--disable-warning=ExperimentalWarning'];
const START_MS = 60_000;

/** A server in a process of its own. Killed when it is disposed of. */
export class ServerProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  /** Code or signal with which it ended. */
  readonly ended: Promise<string>;
  #said = '';

  private constructor(args: readonly string[], cwd: string) {
    this.#child = spawn(process.execPath, [...NODE, ...args], {
      cwd,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, NODE_V8_COVERAGE: undefined },
    });
    const { stdout, stderr } = this.#child;
    for (const stream of [stdout!, stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#said = `${this.#said}${text}`.slice(-16_384);
      });
    }
    this.ended = once(this.#child, 'close').then(([code, signal]) => String(code ?? signal));
  }

  /** The lean one; resolves when it serves, or has died before. */
  static async lean(options: ServerChildOptions): Promise<ServerProcess> {
    mkdirSync(options.compileCache, { recursive: true });
    const file = path.join(import.meta.dirname, 'server-child.ts');
    return await new ServerProcess([file, JSON.stringify(options)], ROOT).#started(/listening/);
  }

  /** `lachesis serve` itself; with the Atropos gateway, so that it needs no environment. */
  static async serve(folder: string, port: number, cwd: string): Promise<ServerProcess> {
    const options = ['--atropos', '0', '--no-auth', '--port', String(port), '--store', folder];
    const file = path.join(ROOT, 'src/cli/run.ts');
    return await new ServerProcess([file, 'serve', ...options], cwd).#started(/listening on/);
  }

  /** What it wrote lately, to both streams. */
  get said(): string {
    return this.#said;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  async signal(signal: NodeJS.Signals): Promise<string> {
    this.#child.kill(signal);
    return await this.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.signal('SIGKILL');
  }

  async #started(sign: RegExp): Promise<this> {
    const deadline = AbortSignal.timeout(START_MS);
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = (): void => {
      if (sign.test(this.#said)) resolve();
    };
    this.#child.stdout!.on('data', look);
    deadline.addEventListener('abort', () => resolve(), { once: true });
    await Promise.race([promise, this.ended]);
    this.#child.stdout!.off('data', look);
    if (!deadline.aborted) return this;
    await this.signal('SIGKILL');
    throw new Error(`the server did not start within ${START_MS} ms: ${this.#said}`);
  }
}

/** A port that nobody has now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port is free');
  return address.port;
}
