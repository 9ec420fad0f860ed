import { constants } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { Code, ConnectError } from '@connectrpc/connect';
import type { ProcessExit, SandboxBackend } from '../../../src/sandbox/index.ts';
import { FakeExec } from './fake-exec.ts';
import { ENDED, FakeSandbox } from './fake-sandbox.ts';
import { fakeToken } from './fake-tokens.ts';
import type { SandboxCreateV2Request } from './gen/client_pb.ts';
import type { TaskExecStartRequest } from './gen/router_pb.ts';

export interface FakeCredentials {
  readonly tokenId: string;
  readonly tokenSecret: string;
}

/** A snapshot: what was in the working directory, and how long it is kept. */
export interface FakeSnapshot {
  readonly archive: Uint8Array;
  readonly ttlSeconds: number;
}

/** All that the fake has: sandboxes, images, snapshots and the time. */
export class FakeWorld {
  readonly sandboxes = new Map<string, FakeSandbox>();
  readonly snapshots = new Map<string, FakeSnapshot>();
  /** The recipes that were built. */
  readonly images: string[] = [];
  readonly credentials: FakeCredentials;
  /** How long a worker's token says that it is good for. */
  tokenSecs = 3_600;
  /** Whether ending a sandbox ends it at once, or some looks later. */
  slowEndMs = 0;
  /** How long making one takes. */
  slowCreateMs = 0;
  /** Output streams that are being sent. */
  openReads = 0;
  port = 0;
  readonly #boxes: SandboxBackend;
  /** What of a box can be written to, beside `/tmp`. */
  readonly #boxWorkdir: string;
  #aheadMs = 0;
  #made = 0;

  constructor(boxes: SandboxBackend, boxWorkdir: string, credentials: FakeCredentials) {
    this.#boxes = boxes;
    this.#boxWorkdir = boxWorkdir;
    this.credentials = credentials;
  }

  get nowMs(): number {
    return Date.now() + this.#aheadMs;
  }

  /** Moves the time on, and ends what should have ended until then. */
  async advance(ms: number): Promise<void> {
    this.#aheadMs += ms;
    await this.sweep();
  }

  async sweep(): Promise<void> {
    for (const sandbox of this.sandboxes.values()) {
      if (sandbox.status !== undefined) continue;
      const isOver = this.nowMs >= sandbox.endsAtMs;
      if (isOver || (await sandbox.isIdleSince(this.nowMs))) await sandbox.end(ENDED.timeout);
    }
  }

  async create(request: SandboxCreateV2Request): Promise<FakeSandbox> {
    const { imageId = '' } = request.definition ?? {};
    const snapshot = this.snapshots.get(imageId);
    if (snapshot === undefined && !imageId.startsWith('im-built-')) {
      throw new ConnectError(`no image ${imageId}`, Code.InvalidArgument);
    }
    if (this.slowCreateMs > 0) await pause(this.slowCreateMs);
    const box = await this.#boxes.create(
      { workdir: this.#boxWorkdir },
      { signal: new AbortController().signal },
    );
    if (snapshot !== undefined) {
      const parent = box.workdir.slice(0, box.workdir.lastIndexOf('/')) || '/';
      await box.exec(
        { argv: ['tar', '-xf', '-', '-C', parent], stdin: snapshot.archive },
        { timeoutMs: 10_000 },
      );
    }
    this.#made += 1;
    const sandbox = new FakeSandbox({
      ...{ box, request, nowMs: this.nowMs, port: this.port },
      id: `sb-v2-${String(this.#made).padStart(4, '0')}`,
      createdAt: this.nowMs / 1_000 + this.#made / 1_000,
    });
    this.sandboxes.set(sandbox.id, sandbox);
    return sandbox;
  }

  async sandbox(id: string): Promise<FakeSandbox> {
    await this.sweep();
    const found = this.sandboxes.get(id);
    if (found === undefined) throw new ConnectError(`no sandbox ${id}`, Code.NotFound);
    return found;
  }

  async task(taskId: string): Promise<FakeSandbox> {
    return await this.sandbox(taskId.replace('ta-', 'sb-'));
  }

  accessOf(sandbox: FakeSandbox): { readonly jwt: string; readonly url: string } {
    const jwt = fakeToken({
      task: sandbox.taskId,
      generation: sandbox.generation,
      exp: Math.floor(Date.now() / 1_000) + this.tokenSecs,
    });
    // Its client wants `https` and then speaks plain text, since the server's host is a loopback one.
    return { jwt, url: `https://127.0.0.1:${sandbox.port}` };
  }

  /** A start that comes again, since its answer was lost, starts nothing more. */
  async startExec(sandbox: FakeSandbox, request: TaskExecStartRequest): Promise<void> {
    const known = sandbox.execs.get(request.execId);
    if (known !== undefined) {
      await known;
      return;
    }
    const env = Object.assign({}, ...request.secretSources.map((each) => each.env?.contents ?? {}));
    const [program = '', ...args] = request.commandArgs;
    sandbox.seen.push({ argv: request.commandArgs, env });
    const started = sandbox.box
      .spawn({ argv: [program, ...args], cwd: request.workdir ?? '/', env, stdin: 'open' })
      .then((process) => new FakeExec(process));
    sandbox.execs.set(request.execId, started);
    await started;
  }

  async terminate(sandbox: FakeSandbox): Promise<void> {
    if (this.slowEndMs === 0) await sandbox.end(ENDED.terminated);
    else setTimeout(() => void sandbox.end(ENDED.terminated), this.slowEndMs);
  }

  async untilEnded(sandbox: FakeSandbox, ms: number, signal: AbortSignal): Promise<void> {
    const over = AbortSignal.any([sandbox.ended.signal, signal, AbortSignal.timeout(ms)]);
    if (over.aborted) return;
    await new Promise<void>((resolve) =>
      over.addEventListener('abort', () => resolve(), { once: true }),
    );
  }

  async unlessCut(
    sandbox: FakeSandbox,
    exited: Promise<ProcessExit>,
    signal: AbortSignal,
  ): Promise<ProcessExit> {
    const { signal: cut } = sandbox.cut;
    const over = AbortSignal.any([signal, cut, sandbox.ended.signal]);
    const stopped = new Promise<never>((_, reject) => {
      const stop = () =>
        reject(
          cut.aborted
            ? new ConnectError('the worker is lost', Code.Unavailable)
            : new ConnectError('task has finished', Code.NotFound),
        );
      if (over.aborted) stop();
      else over.addEventListener('abort', stop, { once: true });
    });
    return await Promise.race([exited, stopped]);
  }

  async snapshot(sandbox: FakeSandbox, ttlSeconds: number): Promise<string> {
    const pieces: Uint8Array[] = [];
    for await (const piece of sandbox.box.getArchive(sandbox.box.workdir)) pieces.push(piece);
    const imageId = `im-snapshot-${this.snapshots.size + 1}`;
    this.snapshots.set(imageId, { archive: Buffer.concat(pieces), ttlSeconds });
    return imageId;
  }

  signalNumber(name: string): number {
    return (constants.signals as Readonly<Record<string, number>>)[name] ?? 0;
  }
}
