import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

/** What a process has used since it started; garbage collection and all its threads included. */
export interface ProcessUse {
  readonly cpuMicros: number;
  readonly residentBytes: number;
}

interface Question {
  readonly id: number;
  readonly name: string;
  readonly argument: unknown;
}

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** Another process of a benchmark, asked by name over IPC. It is killed when disposed of. */
export class BenchProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #open = new Map<number, PromiseWithResolvers<unknown>>();
  #asked = 0;

  /** Runs a file of bench/support that calls `answerParent`. */
  constructor(file: string, args: readonly string[] = []) {
    this.#child = fork(path.join(import.meta.dirname, file), args);
    this.#child.on('message', (answer: Answer) => {
      const open = this.#open.get(answer.id);
      this.#open.delete(answer.id);
      if (answer.error === undefined) open?.resolve(answer.value);
      else open?.reject(new Error(`${file} ${args.join(' ')}: ${answer.error}`));
    });
    this.#child.once('exit', (code, signal) => {
      const error = new Error(`${file} ${args.join(' ')} ended with ${code ?? signal}`);
      for (const open of this.#open.values()) open.reject(error);
    });
  }

  async ask<Value>(name: string, argument: unknown = {}): Promise<Value> {
    this.#asked += 1;
    const id = this.#asked;
    const open = Promise.withResolvers<unknown>();
    this.#open.set(id, open);
    this.#child.send({ id, name, argument } satisfies Question);
    return (await open.promise) as Value;
  }

  use(): Promise<ProcessUse> {
    return this.ask('use');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }
}

/** The child's side: answers by name until the parent is gone. */
export function answerParent(
  answers: Readonly<Record<string, (argument: never) => unknown>>,
): void {
  const all: Readonly<Record<string, (argument: never) => unknown>> = {
    ...answers,
    use: processUse,
  };
  process.on('message', async ({ id, name, argument }: Question) => {
    try {
      const answer = all[name];
      if (answer === undefined) throw new Error(`there is no answer to "${name}"`);
      const value = await answer(argument as never);
      process.send?.({ id, value } satisfies Answer);
    } catch (error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      process.send?.({ id, error: text } satisfies Answer);
    }
  });
  process.once('disconnect', () => process.exit(0));
}

export function processUse(): ProcessUse {
  const { user, system } = process.cpuUsage();
  return { cpuMicros: user + system, residentBytes: process.memoryUsage.rss() };
}
