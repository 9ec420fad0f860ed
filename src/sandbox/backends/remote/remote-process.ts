import type { Command, OutputStream, ProcessExit, SandboxProcess } from '../../contract/command.ts';
import { OutputQueue } from '../../exec/output-queue.ts';
import { signalName } from '../../exec/signal-number.ts';
import { GroupHeader } from './group-header.ts';
import type { KillSignal } from './wrapper.ts';

/** Of one message. */
const STDIN_PIECE_BYTES = 262_144;

/** Our end of a wrapped command that runs elsewhere. None of these may throw. */
export interface RemoteLink {
  /** Resolves when it was taken; rejects when the command takes no more. */
  write(bytes: Uint8Array): Promise<void>;
  closeInput(): Promise<void>;
  pause(): void;
  resume(): void;
  /** Nothing of it is wanted any more. */
  close(): void;
  /** Tells a process group over there. */
  tell(group: string, signal: KillSignal): Promise<void>;
}

/** A command that was started by `wrapCommand`; its link's owner tells it what comes. */
export class RemoteProcess implements SandboxProcess {
  readonly id: string;
  readonly output: OutputQueue;
  readonly exited: Promise<ProcessExit>;
  readonly #link: RemoteLink;
  readonly #header = new GroupHeader();
  readonly #exit = Promise.withResolvers<ProcessExit>();
  #told: KillSignal | undefined;
  #hasEnded = false;
  #isDetached = false;
  #inputIsOver = false;

  constructor(id: string, link: RemoteLink) {
    this.id = id;
    this.#link = link;
    this.output = new OutputQueue(() => link.resume());
    this.exited = this.#exit.promise;
    // Whoever waits for it is told; nobody has to.
    this.exited.catch(() => {});
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length && !this.#inputIsOver; at += STDIN_PIECE_BYTES) {
      await this.#input(this.#link.write(bytes.subarray(at, at + STDIN_PIECE_BYTES)));
    }
  }

  async closeInput(): Promise<void> {
    if (this.#inputIsOver) return;
    await this.#input(this.#link.closeInput());
    this.#inputIsOver = true;
  }

  async kill(signal: KillSignal): Promise<void> {
    if (this.#hasEnded) return;
    const group = await Promise.race([this.#header.group, this.exited.then(() => undefined)]);
    if (group === undefined || this.#hasEnded) return;
    this.#told = signal;
    await this.#link.tell(group, signal);
  }

  detach(): void {
    this.#isDetached = true;
    this.output.end();
    // Without the group's number nobody could end it any more.
    if (this.#header.isDone) this.#link.close();
    else this.#link.resume();
  }

  /** Gives it what a `Command` says of its input; for the link's owner, once it can be written to. */
  async feed(stdin: Command['stdin']): Promise<void> {
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

  /** Output came. */
  receive(stream: OutputStream, bytes: Uint8Array): void {
    const own = stream === 'stderr' ? this.#header.take(bytes) : bytes;
    if (own.length > 0 && !this.output.push(stream, own) && !this.#isDetached) this.#link.pause();
    if (this.#isDetached && this.#header.isDone) this.#link.close();
  }

  /** No more output will come. */
  endOutput(): void {
    const held = this.#header.end();
    if (held.length > 0) this.output.push('stderr', held);
    this.output.end();
  }

  /** It ended, with the code that its shell says: 128 + n for signal n. */
  async end(code: number): Promise<void> {
    if (this.#told !== undefined) {
      // Some of its group may have taken no notice.
      const group = await this.#header.group;
      if (group !== undefined) await this.#link.tell(group, 'SIGKILL').catch(() => {});
    }
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#inputIsOver = true;
    this.#exit.resolve(exitOf(code, this.#told));
  }

  /** What ran it failed; nothing more will come. */
  fail(error: unknown): void {
    if (!this.#hasEnded) this.#exit.reject(error);
    this.#hasEnded = true;
    this.#inputIsOver = true;
    this.#header.end();
    this.output.end(error);
    this.#link.close();
  }

  async #input(sent: Promise<void>): Promise<void> {
    sent.catch(() => {});
    try {
      // A program that reads no more is not the writer's fault, as with a pipe whose reader ended.
      await Promise.race([sent, this.exited]);
    } catch {
      this.#inputIsOver = true;
    }
  }
}

/** What programs hardly ever return by themselves, but shells do, for a child that ended so. */
const BY_SIGNAL = new Set([
  ...['SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGILL'],
  ...['SIGKILL', 'SIGSEGV', 'SIGTERM'],
]);

/** A shell tells every end as a number, so which of the two it was is judged by it. */
function exitOf(code: number, told: KillSignal | undefined): ProcessExit {
  const signal = signalName(code - 128);
  return code > 128 && (signal === told || BY_SIGNAL.has(signal)) ? { signal } : { code };
}
