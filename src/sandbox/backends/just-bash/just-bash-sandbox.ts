import { untilAborted } from '../../../async/index.ts';
import { LachesisError } from '../../../errors.ts';
import type { Command, SandboxProcess } from '../../contract/command.ts';
import type { FileStat, SandboxStatus, TransferOptions } from '../../contract/sandbox.ts';
import type { SandboxCore } from '../../exec/complete-sandbox.ts';
import { SimulatedProcess } from './simulated-process.ts';
import type { SimulatedThread } from './simulated-thread.ts';

/** Pieces of an archive as it is given out. */
const PIECE_BYTES = 65_536;

/** A sandbox whose files and shell are simulated, in a thread of its own. */
export class JustBashSandbox implements SandboxCore {
  readonly id: string;
  readonly backend = 'just-bash';
  readonly isolation = 'simulated';
  readonly workdir: string;
  readonly #thread: SimulatedThread;
  readonly #maxInputBytes: number;

  constructor(options: {
    readonly id: string;
    readonly workdir: string;
    readonly thread: SimulatedThread;
    readonly maxInputBytes: number;
  }) {
    this.id = options.id;
    this.workdir = options.workdir;
    this.#thread = options.thread;
    this.#maxInputBytes = options.maxInputBytes;
  }

  async start(command: Command, signal: AbortSignal | undefined): Promise<SandboxProcess> {
    this.#thread.assertThere();
    const { argv, cwd = this.workdir, env = {}, stdin = new Uint8Array(0) } = command;
    if (stdin === 'open') throw noOpenInput();
    const input =
      stdin instanceof Uint8Array
        ? stdin
        : await this.#answer(this.#collect(stdin, signal), signal);
    return new SimulatedProcess(this.#thread, { argv, cwd, env, stdin: input });
  }

  async putArchive(
    path: string,
    tar: AsyncIterable<Uint8Array>,
    { signal }: TransferOptions,
  ): Promise<number> {
    this.#thread.assertThere();
    const bytes = await this.#collect(tar, signal);
    await this.#answer(this.#thread.call({ kind: 'unpack', path, tar: bytes }).answer, signal);
    return bytes.length;
  }

  async *getArchive(path: string, { signal }: TransferOptions): AsyncGenerator<Uint8Array> {
    const { answer } = this.#thread.call({ kind: 'pack', path });
    const bytes = await this.#answer(answer, signal);
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      signal?.throwIfAborted();
      yield bytes.subarray(at, at + PIECE_BYTES);
    }
  }

  async stat(path: string, { signal }: TransferOptions): Promise<FileStat | undefined> {
    return await this.#answer(this.#thread.call({ kind: 'stat', path }).answer, signal);
  }

  async status(): Promise<SandboxStatus> {
    return this.#thread.isGone ? 'gone' : 'running';
  }

  terminate(): Promise<void> {
    return this.#thread.end('it was terminated');
  }

  async #answer<Value>(answer: Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
    return await (signal === undefined ? answer : untilAborted(answer, { signal }));
  }

  /** The interpreter takes its input whole, so it is read whole; no more than its files may hold. */
  async #collect(
    source: AsyncIterable<Uint8Array>,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    let length = 0;
    for await (const piece of source) {
      signal?.throwIfAborted();
      length += piece.length;
      if (length > this.#maxInputBytes) throw tooMuch(this.#maxInputBytes);
      pieces.push(piece);
    }
    return Buffer.concat(pieces);
  }
}

function noOpenInput(): LachesisError {
  return new LachesisError(
    'unimplemented',
    'The `just-bash` backend runs no program that is written to, and none in the background.',
    {
      reason: 'OPEN_INPUT_UNSUPPORTED',
      remedy: 'Give the whole input at once, or use a backend with real processes.',
    },
  );
}

function tooMuch(most: number): LachesisError {
  return new LachesisError('resource_exhausted', `More than ${most} bytes went to the sandbox.`, {
    reason: 'SANDBOX_FULL',
    remedy: 'Ask for more by `resources.diskMiB`.',
  });
}
