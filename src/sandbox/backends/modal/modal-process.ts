import type { ContainerProcess } from 'modal';
import { systemClock } from '../../../async/index.ts';
import type { Command, OutputStream, ProcessExit, SandboxProcess } from '../../contract/command.ts';
import { OutputQueue } from '../../exec/output-queue.ts';
import { signalName } from '../../exec/signal-number.ts';
import { GroupHeader } from '../remote/group-header.ts';

/** Of one message; gRPC's own limit is far above. */
const STDIN_PIECE_BYTES = 262_144;

/** Output comes after the exit, from afar: it is over when none has come for so long, or after this long at most. */
const QUIET_MS = 150;
const MAX_DRAIN_MS = 5_000;

type KillSignal = Parameters<SandboxProcess['kill']>[0];

/** What a process needs of its sandbox. */
export interface ProcessHost {
  /** Tells a process group in the sandbox. */
  tell(group: string, signal: KillSignal): Promise<void>;
  /** What an error of the client's means; may ask Modal whether the sandbox still lives. */
  explain(error: unknown): Promise<unknown>;
}

/** A command that Modal runs. */
export class ModalProcess implements SandboxProcess {
  readonly id: string;
  readonly output: OutputQueue;
  readonly exited: Promise<ProcessExit>;
  readonly #process: ContainerProcess<Uint8Array>;
  readonly #host: ProcessHost;
  readonly #header = new GroupHeader();
  readonly #exit = Promise.withResolvers<ProcessExit>();
  readonly #waiting = new AbortController();
  readonly #readers: { readonly cancel: () => Promise<void>; readonly stream: OutputStream }[] = [];
  #room: PromiseWithResolvers<void> | undefined;
  #writer: WritableStreamDefaultWriter<Uint8Array> | undefined;
  #told: KillSignal | undefined;
  #group: string | undefined;
  #heardMs = 0;
  #isDrained = false;
  readonly #drained = Promise.withResolvers<void>();
  #hasExited = false;
  #hasEnded = false;
  #isDetached = false;
  #inputIsOver = false;

  constructor(
    process: ContainerProcess<Uint8Array>,
    options: {
      readonly id: string;
      readonly stdin: Command['stdin'];
      readonly host: ProcessHost;
    },
  ) {
    this.id = options.id;
    this.#process = process;
    this.#host = options.host;
    this.output = new OutputQueue(() => this.#makeRoom());
    this.exited = this.#exit.promise;
    // Whoever waits for it is told; nobody has to.
    this.exited.catch(() => {});
    void this.#wait();
    void this.#readAll();
    void this.#feed(options.stdin);
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length && !this.#inputIsOver; at += STDIN_PIECE_BYTES) {
      // A program that reads no more is not the writer's fault, as with a pipe whose reader ended.
      await this.#toInput((writer) => writer.write(bytes.subarray(at, at + STDIN_PIECE_BYTES)));
    }
  }

  async closeInput(): Promise<void> {
    if (this.#inputIsOver) return;
    await this.#toInput((writer) => writer.close());
    this.#inputIsOver = true;
  }

  async kill(signal: KillSignal): Promise<void> {
    if (this.#hasEnded) return;
    // It has exited already, and only its output is still waited for.
    if (this.#hasExited) return this.#endDrain();
    const group = await Promise.race([this.#header.group, this.exited.then(() => undefined)]);
    if (group === undefined || this.#hasEnded) return;
    this.#told = signal;
    this.#group = group;
    await this.#host.tell(group, signal);
  }

  detach(): void {
    this.#isDetached = true;
    this.output.end();
    this.#endDrain();
    this.#makeRoom();
    for (const reader of this.#readers) {
      // Without the group's number nobody could end it any more.
      if (reader.stream === 'stdout' || this.#header.isDone) void reader.cancel();
    }
  }

  /** The sandbox failed it; nothing more will come. */
  fail(error: unknown): void {
    if (this.#hasEnded) {
      this.output.end(error);
    } else {
      this.#hasEnded = true;
      this.output.end(error);
      this.#exit.reject(error);
    }
    this.#inputIsOver = true;
    this.#waiting.abort(error);
    this.detach();
    for (const reader of this.#readers) void reader.cancel();
  }

  async #wait(): Promise<void> {
    try {
      const code = await this.#process._wait(this.#waiting.signal);
      this.#hasExited = true;
      await this.#sweep();
      await this.#drain();
      if (this.#hasEnded) return;
      this.#hasEnded = true;
      this.#exit.resolve(exitOf(code, this.#told));
    } catch (error) {
      if (!this.#hasEnded) this.fail(await this.#host.explain(error));
    }
    this.#inputIsOver = true;
  }

  /** One that was told to end may have left some that took no notice. */
  async #sweep(): Promise<void> {
    if (this.#told === undefined || this.#group === undefined) return;
    await this.#host.tell(this.#group, 'SIGKILL').catch(() => {});
  }

  /** Waits for output that is still on its way; a child that holds the streams and says nothing is not waited for. */
  async #drain(): Promise<void> {
    const startedMs = systemClock.now();
    this.#heardMs = startedMs;
    while (!this.#isDrained) {
      if (this.#room !== undefined) this.#heardMs = systemClock.now();
      const untilMs = Math.min(this.#heardMs + QUIET_MS, startedMs + MAX_DRAIN_MS);
      const leftMs = untilMs - systemClock.now();
      if (leftMs <= 0) return;
      let callOff = (): void => {};
      const waited = new Promise<void>((resolve) => {
        callOff = systemClock.schedule(leftMs, resolve);
      });
      await Promise.race([waited, this.#drained.promise]);
      callOff();
    }
  }

  #endDrain(): void {
    this.#isDrained = true;
    this.#drained.resolve();
  }

  async #readAll(): Promise<void> {
    try {
      await Promise.all([this.#read('stdout'), this.#read('stderr')]);
      this.output.end();
    } catch (error) {
      // Output that can't be read any more is a fault, since what is missing can't be known.
      if (!this.#isDetached) this.fail(await this.#host.explain(error));
    }
    this.#endDrain();
  }

  async #read(stream: OutputStream): Promise<void> {
    const reader = this.#process[stream].getReader();
    this.#readers.push({ stream, cancel: () => reader.cancel().catch(() => {}) });
    const isHeaded = stream === 'stderr';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      this.#heardMs = systemClock.now();
      await this.#push(stream, isHeaded ? this.#header.take(value) : value);
      if (this.#isDetached && this.#header.isDone) {
        await reader.cancel().catch(() => {});
        break;
      }
    }
    if (isHeaded) await this.#push(stream, this.#header.end());
  }

  async #push(stream: OutputStream, bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0 || this.output.push(stream, bytes) || this.#isDetached) return;
    this.#room ??= Promise.withResolvers<void>();
    await this.#room.promise;
  }

  #makeRoom(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }

  async #toInput(
    send: (writer: WritableStreamDefaultWriter<Uint8Array>) => Promise<void>,
  ): Promise<void> {
    this.#writer ??= this.#process.stdin.getWriter();
    this.#writer.closed.catch(() => {});
    const sent = send(this.#writer);
    sent.catch(() => {});
    try {
      await Promise.race([sent, this.exited]);
    } catch {
      this.#inputIsOver = true;
    }
  }

  async #feed(stdin: Command['stdin']): Promise<void> {
    if (stdin === undefined || stdin === 'open') return;
    try {
      if (stdin instanceof Uint8Array) await this.write(stdin);
      else {
        for await (const piece of stdin) {
          if (this.#inputIsOver) break;
          await this.write(piece);
        }
      }
    } catch {
      // Where the source fails, the program sees its input end; the source's owner knows why.
    }
    await this.closeInput();
  }
}

/** What programs hardly ever return by themselves, but shells do, for a child that ended so. */
const BY_SIGNAL = new Set([
  'SIGABRT',
  'SIGBUS',
  'SIGFPE',
  'SIGILL',
  'SIGKILL',
  'SIGSEGV',
  'SIGTERM',
]);

/** Modal tells every end as a number, 128 + n for signal n, so which of the two it was is judged by it. */
function exitOf(code: number, told: KillSignal | undefined): ProcessExit {
  const signal = signalName(code - 128);
  return signal === told || BY_SIGNAL.has(signal) ? { signal } : { code };
}
