import { type Clock, sleep } from '../../../src/async/index.ts';
import { LachesisError } from '../../../src/errors.ts';
import {
  type Command,
  type CreateOptions,
  type ExecOptions,
  type ExecResult,
  type FoundSandbox,
  OutputCapture,
  type Sandbox,
  type SandboxBackend,
  type SandboxCapabilities,
  type SandboxProcess,
  type SandboxSpec,
  sandboxGone,
} from '../../../src/sandbox/index.ts';

export type FakeStep = 'create' | 'baseline' | 'health' | 'reset' | 'exec' | 'terminate';

/**
 * How one step goes: `fails`, `quota` and `refused` reject, `hangs` never ends whatever the signal says, `late`
 * heeds no signal and ends after {@link LATE_MS}, `differs` is a reset that left something.
 */
export type FakeOutcome = 'ok' | 'fails' | 'quota' | 'refused' | 'hangs' | 'late' | 'differs';

export const LATE_MS = 7_000;

export interface FakeBackendOptions {
  readonly clock: Clock;
  readonly latencyMs?: (step: FakeStep) => number;
  readonly outcome?: (step: FakeStep, id: string) => FakeOutcome;
  readonly capabilities?: Partial<SandboxCapabilities>;
}

/** A backend without sandboxes, whose every step ends as it is told, on the test's clock. */
export class FakeBackend implements SandboxBackend {
  readonly name = 'fake';
  readonly capabilities: SandboxCapabilities;
  /** Made and not yet ended. */
  readonly alive = new Map<string, FakeSandbox>();
  readonly made: FakeSandbox[] = [];
  readonly asked: { readonly spec: SandboxSpec; readonly options: CreateOptions }[] = [];
  mostAlive = 0;
  readonly #options: FakeBackendOptions;

  constructor(options: FakeBackendOptions) {
    this.#options = options;
    this.capabilities = {
      isolation: 'namespace',
      outlivesOwner: false,
      costly: false,
      networks: ['none'],
      limits: [],
      images: true,
      snapshots: false,
      liveNetwork: false,
      endpoints: false,
      realProcesses: false,
      ...options.capabilities,
    };
  }

  async probe() {
    return { works: true, detail: '' };
  }

  async create(spec: SandboxSpec, options: CreateOptions): Promise<Sandbox> {
    this.asked.push({ spec, options });
    const id = `fake-${this.asked.length}`;
    await this.step('create', id, options.signal);
    const sandbox = new FakeSandbox(this, id, spec, options.tags ?? {});
    this.made.push(sandbox);
    this.alive.set(id, sandbox);
    this.mostAlive = Math.max(this.mostAlive, this.alive.size);
    return sandbox;
  }

  async list(tags: Readonly<Record<string, string>>): Promise<readonly FoundSandbox[]> {
    return [...this.alive.values()].filter((sandbox) =>
      Object.entries(tags).every(([name, value]) => sandbox.tags[name] === value),
    );
  }

  async step(step: FakeStep, id: string, signal?: AbortSignal): Promise<FakeOutcome> {
    const { clock, latencyMs = () => 0, outcome = () => 'ok' } = this.#options;
    const how = outcome(step, id);
    if (how === 'hangs') await new Promise<never>(() => {});
    if (how === 'late') await sleep(LATE_MS, { clock, signal: new AbortController().signal });
    else {
      const ms = latencyMs(step);
      const heeded = signal ?? new AbortController().signal;
      if (ms > 0) await sleep(ms, { clock, signal: heeded });
      heeded.throwIfAborted();
    }
    if (how === 'fails') throw new Error(`${step} of ${id} failed`);
    if (how === 'quota') {
      throw new LachesisError('resource_exhausted', 'Quota is full.', { reason: 'QUOTA' });
    }
    if (how === 'refused') {
      throw new LachesisError('invalid_input', 'No such image.', { reason: 'NO_IMAGE' });
    }
    return how;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.alive.values()].map((sandbox) => sandbox.terminate()));
  }
}

export class FakeSandbox implements Sandbox {
  readonly backend = 'fake';
  readonly isolation = 'namespace';
  readonly workdir = '/workspace';
  /** What commands left here: `write TEXT` adds to it, a reset empties it. */
  readonly left: string[] = [];
  readonly id: string;
  readonly spec: SandboxSpec;
  readonly tags: Readonly<Record<string, string>>;
  resets = 0;
  readonly #backend: FakeBackend;

  constructor(
    backend: FakeBackend,
    id: string,
    spec: SandboxSpec,
    tags: Readonly<Record<string, string>>,
  ) {
    this.#backend = backend;
    this.id = id;
    this.spec = spec;
    this.tags = tags;
  }

  async exec({ argv }: Command, { signal }: ExecOptions = {}): Promise<ExecResult> {
    if (!this.#backend.alive.has(this.id)) throw sandboxGone(this.id, 'it was ended');
    const step = this.#stepOf(argv);
    const how = await this.#backend.step(step, this.id, signal);
    if (step === 'reset') {
      this.resets += 1;
      this.left.length = 0;
    }
    if (argv[0] === 'write') this.left.push(argv[1] ?? '');
    if (argv[0] === 'read') return result(this.left.join());
    if (step === 'baseline' || step === 'reset') {
      return result(`pids 1:5\nwiped /tmp\nmark ${this.id}${how === 'differs' ? '!' : ''}`);
    }
    return result(argv[0] === 'stat' ? `mark ${this.id}` : '');
  }

  #stepOf(argv: readonly string[]): FakeStep {
    if (argv[0] === 'true' || argv[0] === 'stat') return 'health';
    if (argv[0] !== 'sh') return 'exec';
    return argv.length === 5 ? 'baseline' : 'reset';
  }

  async spawn(): Promise<SandboxProcess> {
    throw new Error('A fake runs nothing.');
  }

  async putArchive(): Promise<number> {
    return 0;
  }

  async *getArchive(): AsyncGenerator<Uint8Array> {}

  async stat(): Promise<undefined> {
    return undefined;
  }

  /** It lies: nobody is to rely on it. */
  async status(): Promise<'running'> {
    return 'running';
  }

  async terminate(): Promise<void> {
    if (!this.#backend.alive.has(this.id)) return;
    await this.#backend.step('terminate', this.id);
    this.#backend.alive.delete(this.id);
  }
}

function result(text: string): ExecResult {
  const stdout = new OutputCapture(1_024);
  stdout.push(Buffer.from(text));
  return {
    ...{ exitCode: 0, signal: undefined, timedOut: false, aborted: false },
    ...{ stdout: stdout.captured(), stderr: new OutputCapture(0).captured() },
    ...{ durationMs: 0, leftRunning: false },
  };
}
