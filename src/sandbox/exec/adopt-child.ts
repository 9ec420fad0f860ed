import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Command, ProcessExit, SandboxProcess } from '../contract/command.ts';
import { sandboxFault } from '../contract/faults.ts';
import { OutputQueue } from './output-queue.ts';

export interface AdoptOptions {
  readonly stdin: Command['stdin'];
  /** How its group is told, which depends on where it runs. */
  readonly kill: (signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL') => void;
  /** Our ends of its streams. Default: those that the child was started with. */
  readonly streams?: ChildStreams;
  /** Looks at how it ended before anybody is told; rejects where that was no ending of the command's own. */
  readonly judge?: (exit: ProcessExit) => ProcessExit | Promise<ProcessExit>;
}

export interface ChildStreams {
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
}

/** A child of ours, started with pipes for all three streams, as a process of a sandbox. */
export function adoptChild(child: ChildProcess, options: AdoptOptions): SandboxProcess {
  return new AdoptedChild(child, options);
}

class AdoptedChild implements SandboxProcess {
  readonly id: string;
  readonly output: OutputQueue;
  readonly exited: Promise<ProcessExit>;
  readonly #streams: ChildStreams;
  readonly #kill: (signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL') => void;
  #hasExited = false;

  constructor(child: ChildProcess, options: AdoptOptions) {
    const { streams: ends = child, judge = (exit: ProcessExit) => exit } = options;
    this.#streams = ends;
    this.#kill = options.kill;
    this.id = String(child.pid ?? '');
    const streams = [
      ['stdout', ends.stdout],
      ['stderr', ends.stderr],
    ] as const;
    this.output = new OutputQueue(() => {
      for (const [, stream] of streams) stream?.resume();
    });
    let open = streams.length;
    for (const [name, stream] of streams) {
      stream?.on('data', (bytes: Buffer) => {
        if (!this.output.push(name, bytes)) for (const [, each] of streams) each?.pause();
      });
      // What broke it is known by the child's exit, if by anything.
      stream?.on('error', () => {});
      onceClosed(stream, () => {
        open -= 1;
        if (open === 0) this.output.end();
      });
    }
    this.exited = exitOf(child)
      .finally(() => {
        this.#hasExited = true;
      })
      .then(judge);
    // Whoever waits for it is told; nobody has to.
    this.exited.catch(() => {});
    void this.#feed(options.stdin);
  }

  async write(bytes: Uint8Array): Promise<void> {
    const { stdin } = this.#streams;
    // A program that reads no more is not the writer's fault, as with a pipe whose reader ended.
    if (stdin === null || !stdin.writable || bytes.length === 0) return;
    if (stdin.write(bytes)) return;
    const over = new AbortController();
    const { signal } = over;
    await Promise.race([once(stdin, 'drain', { signal }), once(stdin, 'close', { signal })])
      .catch(() => {})
      .finally(() => over.abort());
  }

  async closeInput(): Promise<void> {
    this.#streams.stdin?.end();
  }

  async kill(signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (!this.#hasExited) this.#kill(signal);
  }

  detach(): void {
    this.output.end();
    this.#streams.stdout?.destroy();
    this.#streams.stderr?.destroy();
    this.#streams.stdin?.destroy();
  }

  async #feed(stdin: Command['stdin']): Promise<void> {
    const input = this.#streams.stdin;
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
