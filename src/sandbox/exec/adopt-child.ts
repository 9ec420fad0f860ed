import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Command, ProcessExit, SandboxProcess } from '../contract/command.ts';
import { sandboxFault } from '../contract/faults.ts';
import { OutputQueue } from './output-queue.ts';

/**
 * A child of ours, started with pipes for all three streams, as a process of a sandbox. `kill` is how its
 * group is told, which depends on where it runs.
 */
export function adoptChild(
  child: ChildProcess,
  options: {
    readonly stdin: Command['stdin'];
    readonly kill: (signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL') => void;
  },
): SandboxProcess {
  return new AdoptedChild(child, options);
}

class AdoptedChild implements SandboxProcess {
  readonly id: string;
  readonly output: OutputQueue;
  readonly exited: Promise<ProcessExit>;
  readonly #child: ChildProcess;
  readonly #kill: (signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL') => void;
  #hasExited = false;

  constructor(
    child: ChildProcess,
    options: {
      readonly stdin: Command['stdin'];
      readonly kill: (signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL') => void;
    },
  ) {
    this.#child = child;
    this.#kill = options.kill;
    this.id = String(child.pid ?? '');
    const streams = [
      ['stdout', child.stdout],
      ['stderr', child.stderr],
    ] as const;
    this.output = new OutputQueue(() => {
      for (const [, stream] of streams) stream?.resume();
    });
    let open = streams.length;
    for (const [name, stream] of streams) {
      stream?.on('data', (bytes: Buffer) => {
        if (!this.output.push(name, bytes)) for (const [, each] of streams) each?.pause();
      });
      onceClosed(stream, () => {
        open -= 1;
        if (open === 0) this.output.end();
      });
    }
    this.exited = exitOf(child).finally(() => {
      this.#hasExited = true;
    });
    // Whoever waits for it is told; nobody has to.
    this.exited.catch(() => {});
    void this.#feed(options.stdin);
  }

  async write(bytes: Uint8Array): Promise<void> {
    const { stdin } = this.#child;
    // A program that reads no more is not the writer's fault, as with a pipe whose reader ended.
    if (stdin === null || !stdin.writable || bytes.length === 0) return;
    if (stdin.write(bytes)) return;
    await Promise.race([once(stdin, 'drain'), once(stdin, 'close')]).catch(() => {});
  }

  async closeInput(): Promise<void> {
    this.#child.stdin?.end();
  }

  async kill(signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (!this.#hasExited) this.#kill(signal);
  }

  detach(): void {
    this.output.end();
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
    this.#child.stdin?.destroy();
  }

  async #feed(stdin: Command['stdin']): Promise<void> {
    const input = this.#child.stdin;
    if (input === null) return;
    input.on('error', () => {});
    if (stdin === 'open') return;
    if (stdin === undefined || stdin instanceof Uint8Array) {
      input.end(stdin);
      return;
    }
    // Where the source fails, the program sees its input end; the source's owner knows why.
    await pipeline(stdin, input).catch(() => input.destroy());
  }
}

function onceClosed(stream: Readable | null, run: () => void): void {
  if (stream === null) run();
  else stream.once('close', run);
}

function exitOf(child: ChildProcess): Promise<ProcessExit> {
  return new Promise((resolve, reject) => {
    child.once('exit', (code, signal) => {
      resolve(signal === null ? { code: code ?? 0 } : { signal });
    });
    child.once('error', (error: NodeJS.ErrnoException) => {
      // As a shell says it: a program that is not there, or may not be run.
      if (error.code === 'ENOENT') resolve({ code: 127 });
      else if (error.code === 'EACCES') resolve({ code: 126 });
      else reject(sandboxFault('The command could not be started', error));
    });
  });
}
