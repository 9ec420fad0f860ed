import { afterAll, afterEach, beforeAll, expect, vi } from 'vitest';
import {
  createModalBackend,
  type ModalBackendOptions,
  type Sandbox,
  type SandboxBackend,
  type SandboxSpec,
} from '../../../src/sandbox/index.ts';
import { type FakeModal, startFakeModal } from './fake-modal.ts';

/** The fake of one test file, and what is made on it. */
export interface ModalTestBench {
  readonly fake: FakeModal;
  /** Closed after the test. */
  backend(options?: ModalBackendOptions): SandboxBackend;
  sandbox(spec?: SandboxSpec, options?: ModalBackendOptions): Promise<Sandbox>;
}

/** Starts the fake for a test file; no test may have asked it for what it does not know. */
export function useFakeModal(options: Parameters<typeof startFakeModal>[0] = {}): ModalTestBench {
  let fake: FakeModal;
  const backends: SandboxBackend[] = [];
  beforeAll(async () => {
    fake = await startFakeModal(options);
    for (const [name, value] of Object.entries(fake.env)) vi.stubEnv(name, value);
  });
  afterEach(async () => {
    await Promise.allSettled(backends.splice(0).map((each) => each[Symbol.asyncDispose]()));
    for (const { id } of fake.running) await fake.loseWorker(id);
    expect(fake.faults.unexpected).toEqual([]);
  });
  afterAll(async () => {
    await fake[Symbol.asyncDispose]();
    vi.unstubAllEnvs();
  });
  const bench = {
    get fake() {
      return fake;
    },
    backend(options: ModalBackendOptions = {}) {
      const made = createModalBackend(options);
      backends.push(made);
      return made;
    },
    sandbox: (spec: SandboxSpec = {}, options: ModalBackendOptions = {}) =>
      bench.backend(options).create(spec, { signal: new AbortController().signal }),
  };
  return bench;
}
