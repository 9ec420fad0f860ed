import { tmpdir } from 'node:os';
import { errorMessage, invalidInput, LachesisError } from '../../../errors.ts';
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
import { inheritedDescriptors } from '../local/inherited-descriptors.ts';
import { includesTags, LifetimeTimer } from '../local/lifetime.ts';
import { endMarked } from './marked-processes.ts';
import type { ProcessOptions } from './options.ts';
import { ProcessSandbox } from './process-sandbox.ts';
import { findFolders, makeFolder, removeFolder } from './sandbox-folder.ts';

const WARNING =
  "Sandboxes of the `process` backend keep nothing apart: what runs in them can read this user's files, reach the network and end this process. Use `bubblewrap` for commands that a model writes.";

/**
 * Plain children of ours, each sandbox in a private folder: no isolation, and it says so. For tests, and for
 * commands that would be trusted without any sandbox.
 */
export function createProcessBackend(options: ProcessOptions): SandboxBackend {
  return new ProcessBackend(options);
}

class ProcessBackend implements SandboxBackend {
  readonly name = 'process';
  readonly capabilities = Object.freeze({
    isolation: 'process',
    outlivesOwner: true,
    costly: false,
    networks: ['open'],
    // Of each process, not of all together.
    limits: ['memoryMiB'],
    images: false,
    snapshots: false,
    liveNetwork: false,
    endpoints: false,
    realProcesses: true,
  } as const);
  readonly #options: ProcessOptions;
  readonly #live = new Set<ProcessSandbox>();
  readonly #creating = new Set<Promise<unknown>>();
  #isClosed = false;
  #hasWarned = false;

  constructor(options: ProcessOptions) {
    this.#options = options;
  }

  async probe({ spec = {}, signal }: ProbeOptions): Promise<BackendProbe> {
    signal.throwIfAborted();
    try {
      const began = performance.now();
      const sandbox = await this.create(spec, { signal });
      const createMs = performance.now() - began;
      try {
        const { exitCode, durationMs } = await sandbox.exec({ argv: ['true'] }, { signal });
        signal.throwIfAborted();
        if (exitCode !== 0) throw new Error(`\`true\` ended with ${exitCode}`);
        const detail = 'Children of this process, without any isolation.';
        return { works: true, detail, createMs, execMs: durationMs };
      } finally {
        await sandbox.terminate();
      }
    } catch (error) {
      signal.throwIfAborted();
      const remedy =
        (error instanceof LachesisError ? error.remedy : undefined) ??
        'Look at the folder for temporary files.';
      return { works: false, detail: errorMessage(error).replace(` ${remedy}`, ''), remedy };
    }
  }

  async create(spec: SandboxSpec, options: CreateOptions): Promise<Sandbox> {
    if (this.#isClosed) throw backendClosed();
    options.signal.throwIfAborted();
    checkProcessSpec(spec);
    this.#assertUser();
    if (!this.#hasWarned) this.#options.onWarning(WARNING);
    this.#hasWarned = true;
    const creating = this.#create(spec, options);
    this.#creating.add(creating);
    try {
      return await creating;
    } finally {
      this.#creating.delete(creating);
    }
  }

  async list(tags: Readonly<Record<string, string>>): Promise<readonly FoundSandbox[]> {
    const folders = await findFolders(this.#parent);
    return folders
      .filter((folder) => includesTags(folder.tags, tags))
      .map((folder) => ({
        id: folder.id,
        tags: folder.tags,
        terminate: async () => {
          const own = [...this.#live].find(({ id }) => id === folder.id);
          if (own !== undefined) return await own.terminate();
          await endMarked(folder.id, folder.root);
          await removeFolder(folder);
        },
      }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#creating);
    await Promise.all([...this.#live].map((sandbox) => sandbox.end('its backend was closed')));
  }

  get #parent(): string {
    return this.#options.folder ?? tmpdir();
  }

  async #create(spec: SandboxSpec, options: CreateOptions): Promise<Sandbox> {
    const { signal, tags = {}, lifetimeMs } = options;
    const folder = await makeFolder(this.#parent, { ...tags });
    if (signal.aborted || this.#isClosed) {
      await removeFolder(folder);
      throw signal.aborted ? signal.reason : backendClosed();
    }
    const { fileMiB = 1_024, openFiles = 1_024 } = this.#options;
    const memoryMiB = spec.resources?.memoryMiB;
    const sandbox = new ProcessSandbox({
      folder,
      env: spec.env ?? {},
      inherited: inheritedDescriptors(),
      limits: { fileMiB, openFiles, ...(memoryMiB === undefined ? {} : { dataMiB: memoryMiB }) },
    });
    this.#live.add(sandbox);
    const lifetime = new LifetimeTimer(lifetimeMs, () => {
      sandbox.end('its lifetime is over').catch(() => {});
    });
    sandbox.onEnd(() => {
      lifetime.close();
      this.#live.delete(sandbox);
    });
    return completeSandbox(sandbox);
  }

  #assertUser(): void {
    if (process.getuid?.() !== 0 || this.#options.allowRoot === true) return;
    throw new LachesisError(
      'failed_precondition',
      'The `process` backend would run commands as root of this host.',
      {
        reason: 'PROCESS_BACKEND_AS_ROOT',
        remedy:
          'Use `bubblewrap`, run as another user, or allow root: --allow-unsandboxed (in code `allowRoot: true`).',
      },
    );
  }
}

function checkProcessSpec(spec: SandboxSpec): void {
  checkSpec(spec);
  const { image, workdir, writable = [], network, resources = {}, providerOptions = {} } = spec;
  const refuse = (field: string, what: string): never => {
    throw invalidInput(`sandbox.${field}`, `${what} can't be given by the \`process\` backend.`, {
      remedy: 'Leave it out, or use `bubblewrap`.',
    });
  };
  if (image !== undefined) refuse('image', 'An image');
  if (workdir !== undefined) refuse('workdir', 'A directory of your choice');
  // They would be folders of this machine.
  if (writable.length > 0) refuse('writable', 'More writable folders');
  // Left out, it is taken as this backend's only one, which the warning names.
  if (network !== undefined && network !== 'open') refuse('network', 'Anything but `open`');
  for (const name of ['cpus', 'diskMiB', 'pids'] as const) {
    if (resources[name] !== undefined) refuse(`resources.${name}`, 'This limit');
  }
  if (Object.keys(providerOptions).length > 0) refuse('providerOptions', 'A setting');
}

function backendClosed(): LachesisError {
  return new LachesisError('failed_precondition', 'The process backend is closed.', {
    reason: 'BACKEND_CLOSED',
  });
}
