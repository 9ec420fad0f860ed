import { randomUUID } from 'node:crypto';
import type { Client, Transport } from '@connectrpc/connect';
import { SandboxService } from '../../gen/lachesis/v1/sandbox_service_pb.ts';
import { durationFromMs, msFromDuration } from '../contract/index.ts';
import { createRpcClient } from '../transport/index.ts';
import { WIRE_LIMITS } from '../wire/index.ts';
import { type CallOptions, toConnect } from './call-options.ts';
import { cutShort } from './cut-short.ts';

export interface RemoteExecOptions extends CallOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: Uint8Array;
  /** Ends the command, not the sandbox. Default: 60 s. */
  readonly commandTimeoutMs?: number;
  /** Of each stream; the rest is dropped. Default: no limit. */
  readonly maxOutputBytes?: number;
}

export type RemoteExecEvent =
  | { readonly kind: 'stdout' | 'stderr'; readonly bytes: Uint8Array }
  | {
      readonly kind: 'exit';
      /** As a shell says it: 124 timed out, 128 + n ended by signal n. */
      readonly exitCode: number;
      /** Such as `SIGKILL`; empty when it ended by itself. */
      readonly signal: string;
      readonly timedOut: boolean;
      readonly outputTruncated: boolean;
      readonly durationMs: number;
    };

/** For agents that run elsewhere: sandboxes of a server. */
export class SandboxClient {
  readonly #control: Client<typeof SandboxService>;
  readonly #bulk: Client<typeof SandboxService>;

  /** Archives go over `bulk`, so that commands on `control` do not wait behind them. */
  constructor(control: Transport, bulk: Transport = control) {
    this.#control = createRpcClient(SandboxService, control);
    this.#bulk = createRpcClient(SandboxService, bulk);
  }

  /** Takes a sandbox; dispose of it to give it back. Asking twice by one `leaseId` gives the same one. */
  async acquire(
    options: CallOptions & {
      /** Whoever knows it has the sandbox. Default: a random one. */
      readonly leaseId?: string;
      readonly image?: string;
      /** Default: no network. */
      readonly network?: boolean;
    } = {},
  ): Promise<RemoteSandbox> {
    const { leaseId = randomUUID(), image = '', network = false } = options;
    const acquired = await this.#control.acquireSandbox(
      { leaseId, image, network },
      toConnect(options),
    );
    return new RemoteSandbox(leaseId, acquired, this.#control, this.#bulk);
  }
}

/** A sandbox of a server, for as long as it is used now and then. */
export class RemoteSandbox implements AsyncDisposable {
  readonly leaseId: string;
  readonly isolation: string;
  readonly backend: string;
  readonly workdir: string;
  /** It is given back by the server when it is not used for so long. */
  readonly leaseMs: number;
  readonly #control: Client<typeof SandboxService>;
  readonly #bulk: Client<typeof SandboxService>;

  constructor(
    leaseId: string,
    acquired: Awaited<ReturnType<Client<typeof SandboxService>['acquireSandbox']>>,
    control: Client<typeof SandboxService>,
    bulk: Client<typeof SandboxService>,
  ) {
    this.leaseId = leaseId;
    this.isolation = acquired.isolation;
    this.backend = acquired.backend;
    this.workdir = acquired.workingDirectory;
    this.leaseMs = msFromDuration(acquired.leaseDuration);
    this.#control = control;
    this.#bulk = bulk;
  }

  /** A command's output as it comes, then its end. Leaving the loop ends the command. */
  async *exec(
    command: readonly string[],
    options: RemoteExecOptions = {},
  ): AsyncGenerator<RemoteExecEvent, void, void> {
    const { cwd = '', env = {}, stdin, commandTimeoutMs, maxOutputBytes = 0 } = options;
    const request = {
      leaseId: this.leaseId,
      command: [...command],
      workingDirectory: cwd,
      environment: { ...env },
      ...(stdin !== undefined && { standardInput: stdin }),
      ...(commandTimeoutMs !== undefined && { timeout: durationFromMs(commandTimeoutMs) }),
      maxOutputBytes: BigInt(maxOutputBytes),
    };
    for await (const { event } of this.#control.execCommand(request, toConnect(options))) {
      if (event.case === 'standardOutput') yield { kind: 'stdout', bytes: event.value };
      if (event.case === 'standardError') yield { kind: 'stderr', bytes: event.value };
      if (event.case !== 'exit') continue;
      const { exitCode, signal, timedOut, outputTruncated, duration } = event.value;
      const durationMs = msFromDuration(duration);
      yield { kind: 'exit', exitCode, signal, timedOut, outputTruncated, durationMs };
      return;
    }
    throw cutShort('the command ended without an exit.');
  }

  /**
   * Unpacks a tar archive under `path`; resolves with the bytes taken. One that fails or is cancelled leaves
   * what was unpacked by then, the last file perhaps cut off.
   */
  async putArchive(
    path: string,
    tar: AsyncIterable<Uint8Array>,
    options?: CallOptions,
  ): Promise<number> {
    const { leaseId } = this;
    async function* pieces() {
      yield { leaseId, path };
      for await (const bytes of tar) {
        for (let at = 0; at < bytes.length; at += WIRE_LIMITS.maxChunkBytes) {
          yield { data: bytes.subarray(at, at + WIRE_LIMITS.maxChunkBytes) };
        }
      }
    }
    const { size } = await this.#bulk.putArchive(pieces(), toConnect(options));
    return Number(size);
  }

  /** Packs a path as a tar archive. */
  async *getArchive(path: string, options?: CallOptions): AsyncGenerator<Uint8Array, void, void> {
    const request = { leaseId: this.leaseId, path };
    for await (const { data } of this.#bulk.getArchive(request, toConnect(options))) yield data;
  }

  /** Gives it back; twice is once. */
  async release(options?: CallOptions): Promise<void> {
    await this.#control.releaseSandbox({ leaseId: this.leaseId }, toConnect(options));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }
}
