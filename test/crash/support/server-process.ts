import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import type { ServerChildOptions } from './server-child.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');
const NODE = ['--conditions=lachesis-source', '--disable-warning=ExperimentalWarning'];
const START_MS = 60_000;

/** Where the lean servers of all trials keep their compiled code: most of a start would be compiling. */
export const COMPILE_CACHE = path.join(ROOT, 'node_modules/.cache/lachesis-crash');

/** A server in a process of its own. Killed when it is disposed of. */
export class ServerProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  /** Code or signal with which it ended. */
  readonly ended: Promise<string>;
  #said = '';
  #residentBytes: number | undefined;

  /** `wrapper` is a program that runs its arguments, in its own way. */
  private constructor(args: readonly string[], cwd: string, wrapper: readonly string[] = []) {
    const [program, ...rest] = [...wrapper, process.execPath, ...NODE, ...args];
    this.#child = spawn(program!, rest, { cwd, stdio: ['pipe', 'pipe', 'pipe'] });
    const { stdout, stderr } = this.#child;
    for (const stream of [stdout!, stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#said = `${this.#said}${text}`.slice(-16_384);
      });
    }
    this.ended = once(this.#child, 'close').then(([code, signal]) => String(code ?? signal));
  }

  /** The lean one; resolves when it serves, or has died before. */
  static async lean(
    options: ServerChildOptions,
    wrapper: readonly string[] = [],
  ): Promise<ServerProcess> {
    mkdirSync(options.compileCache, { recursive: true });
    const file = path.join(import.meta.dirname, 'server-child.ts');
    const args = [file, JSON.stringify(options)];
    return await new ServerProcess(args, ROOT, wrapper).#started(/listening/);
  }

  /** `lachesis serve` itself; with the Atropos gateway, so that it needs no environment. */
  static async serve(
    { folder, port, cwd }: { readonly folder: string; readonly port: number; readonly cwd: string },
    wrapper: readonly string[] = [],
  ): Promise<ServerProcess> {
    const options = ['--atropos', '0', '--no-auth', '--port', String(port), '--store', folder];
    const file = path.join(ROOT, 'src/cli/run.ts');
    const args = [file, 'serve', ...options];
    return await new ServerProcess(args, cwd, wrapper).#started(/listening on/);
  }

  /** What it wrote lately, to both streams. */
  get said(): string {
    return this.#said;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** What it held of the machine's memory when it was last signalled; undefined where nobody tells. */
  get residentBytes(): number | undefined {
    return this.#residentBytes;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** A line to its standard input. */
  tell(line: string): void {
    this.#child.stdin!.write(`${line}\n`);
  }

  async signal(signal: NodeJS.Signals): Promise<string> {
    if (!this.hasEnded) this.#residentBytes = residentBytesOf(this.pid);
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

/** As Linux tells it. */
function residentBytesOf(pid: number): number | undefined {
  try {
    const [, kib] = /^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return kib === undefined ? undefined : Number(kib) * 1_024;
  } catch {
    return undefined;
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
