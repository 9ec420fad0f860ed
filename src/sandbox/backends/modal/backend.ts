import { untilAborted } from '../../../async/index.ts';
import { LachesisError } from '../../../errors.ts';
import type {
  BackendProbe,
  FoundSandbox,
  ProbeOptions,
  SandboxBackend,
} from '../../contract/backend.ts';
import { checkSpec } from '../../contract/check.ts';
import type { Sandbox } from '../../contract/sandbox.ts';
import type { CreateOptions, SandboxSpec } from '../../contract/spec.ts';
import { completeSandbox } from '../../exec/complete-sandbox.ts';
import { ModalConnection } from './connection.ts';
import { createParams } from './create-params.ts';
import { modalFault } from './faults.ts';
import { findSandboxes } from './find-sandboxes.ts';
import { ModalSandbox } from './modal-sandbox.ts';
import { type ModalBackendOptions, type ModalSettings, resolveModalOptions } from './options.ts';
import { probeModal } from './probe.ts';

const DEFAULT_WORKDIR = '/workspace';

/**
 * Sandboxes in Modal's cloud, by Modal's own client, which is loaded on first use. They outlive this process
 * by their lifetime at most; commands end without their sandbox ending.
 */
export function createModalBackend(options: ModalBackendOptions = {}): SandboxBackend {
  return new ModalBackend(resolveModalOptions(options));
}

class ModalBackend implements SandboxBackend {
  readonly name = 'modal';
  readonly capabilities = Object.freeze({
    isolation: 'strong',
    outlivesOwner: true,
    costly: true,
    networks: ['none', 'open', 'allowlist'],
    limits: ['cpus', 'memoryMiB'],
    images: true,
    snapshots: true,
    liveNetwork: true,
    endpoints: false,
    realProcesses: true,
  } as const);
  readonly #settings: ModalSettings;
  readonly #connection: ModalConnection;
  readonly #live = new Set<ModalSandbox>();
  #isClosed = false;

  constructor(settings: ModalSettings) {
    this.#settings = settings;
    this.#connection = new ModalConnection(settings);
  }

  probe({ spec, signal }: ProbeOptions): Promise<BackendProbe> {
    return probeModal(this, { spec, signal, clock: this.#settings.clock });
  }

  async create(spec: SandboxSpec, options: CreateOptions): Promise<Sandbox> {
    const { signal } = options;
    this.#assertOpen();
    checkSpec(spec);
    const params = createParams(spec, {
      tags: options.tags ?? {},
      lifetimeMs: options.lifetimeMs,
      settings: this.#settings,
      nowMs: Date.now(),
    });
    signal.throwIfAborted();
    const sandbox = await this.#make(spec, params, signal);
    this.#live.add(sandbox);
    if (this.#isClosed) {
      await sandbox.terminate();
      this.#assertOpen();
    }
    try {
      await sandbox.prepare(signal);
    } catch (error) {
      await sandbox.terminate().catch(() => {});
      throw signal.aborted ? signal.reason : error;
    }
    return completeSandbox(sandbox);
  }

  async list(
    tags: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<readonly FoundSandbox[]> {
    signal.throwIfAborted();
    try {
      return await untilAborted(findSandboxes(this.#connection, tags, signal), { signal });
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw modalFault('The sandboxes could not be listed', error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    const ended = await Promise.allSettled([...this.#live].map((sandbox) => sandbox.terminate()));
    await this.#connection.close();
    const failed = ended.find((end) => end.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  #assertOpen(): void {
    if (!this.#isClosed) return;
    throw new LachesisError('failed_precondition', 'The backend is closed.', {
      reason: 'BACKEND_CLOSED',
    });
  }

  async #make(
    spec: SandboxSpec,
    params: ReturnType<typeof createParams>,
    signal: AbortSignal,
  ): Promise<ModalSandbox> {
    try {
      const waiting = { signal };
      const client = await untilAborted(this.#connection.client(), waiting);
      const app = await untilAborted(this.#connection.app(), waiting);
      const name = spec.image ?? this.#settings.image;
      const image = await untilAborted(this.#connection.image(name), waiting);
      // Named V2, which `create` is too unless the environment says otherwise; V1 is another set of calls.
      const handle = await untilAborted(client.sandboxes.experimentalCreate(app, image, params), {
        signal,
        // Made for somebody who no longer waits; its lifetime ends it where this fails.
        onLate: (late) => void late.terminate().catch(() => {}),
      });
      const sandbox: ModalSandbox = new ModalSandbox({
        ...{ client, handle, settings: this.#settings },
        workdir: spec.workdir ?? DEFAULT_WORKDIR,
        env: spec.env ?? {},
        onEnd: () => this.#live.delete(sandbox),
      });
      return sandbox;
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw modalFault('A sandbox could not be made', error);
    }
  }
}
