import { randomUUID } from 'node:crypto';
import { untilAborted } from '../../../async/index.ts';
import { invalidInput, LachesisError } from '../../../errors.ts';
import type {
  BackendProbe,
  FoundSandbox,
  ProbeOptions,
  SandboxBackend,
} from '../../contract/backend.ts';
import type { Sandbox } from '../../contract/sandbox.ts';
import type { CreateOptions, SandboxSpec } from '../../contract/spec.ts';
import { completeSandbox } from '../../exec/complete-sandbox.ts';
import { inheritedDescriptors } from '../local/inherited-descriptors.ts';
import { includesTags, LifetimeTimer } from '../local/lifetime.ts';
import { BOX_SCRIPT, Box } from './box.ts';
import { boxCommand } from './box-arguments.ts';
import { BoxWatcher } from './box-watcher.ts';
import { findHostTools, type HostTools } from './host-tools.ts';
import { type LaunchedBox, launchBox } from './launch.ts';
import { makePlan } from './make-plan.ts';
import type { BubblewrapOptions } from './options.ts';
import { PIPE_ROOM_SCRIPT, PipeRoom } from './pipe-room.ts';
import { probeBubblewrap } from './probe.ts';
import { Slots } from './slots.ts';

const DEFAULT_USERS = { first: 200_000, count: 65_536 };
const DEFAULT_CREATE_TIMEOUT_MS = 10_000;

interface Identity {
  readonly uid: number;
  readonly gid: number;
}

interface LiveBox {
  readonly box: Box;
  readonly tags: Readonly<Record<string, string>>;
}

/**
 * Boxes of Linux namespaces by bubblewrap: the default on Linux. Nothing of a box is on the host's disk, and
 * the kernel ends all of it with this process, however that ends. Make boxes on the main thread: a box dies
 * with the thread that made it. `network: 'open'` is the host's own network: what runs in there reaches the
 * loopback services and abstract sockets of the host, ours among them.
 */
export function createBubblewrapBackend(options: BubblewrapOptions = {}): SandboxBackend {
  return new BubblewrapBackend(options);
}

class BubblewrapBackend implements SandboxBackend {
  readonly name = 'bubblewrap';
  readonly capabilities = Object.freeze({
    isolation: 'namespace',
    outlivesOwner: false,
    costly: false,
    networks: ['none', 'open'],
    limits: ['memoryMiB', 'diskMiB', 'pids'],
    images: true,
    snapshots: false,
    liveNetwork: false,
    endpoints: false,
    realProcesses: true,
  } as const);
  readonly #options: BubblewrapOptions;
  readonly #users: { readonly first: number; readonly count: number };
  readonly #slots: Slots;
  readonly #live = new Map<string, LiveBox>();
  readonly #watcher = new BoxWatcher();
  readonly #creating = new Set<Promise<unknown>>();
  #room: Promise<PipeRoom> | undefined;
  #closed: Promise<void> | undefined;
  readonly #closing = new AbortController();

  constructor(options: BubblewrapOptions) {
    this.#options = options;
    this.#users = options.users ?? DEFAULT_USERS;
    checkUsers(this.#users);
    this.#slots = new Slots(this.#users.count);
  }

  async probe(options: ProbeOptions): Promise<BackendProbe> {
    return await probeBubblewrap(this, this.#options.tools, options);
  }

  async create(spec: SandboxSpec, options: CreateOptions): Promise<Sandbox> {
    if (this.#closed !== undefined) throw backendClosed();
    options.signal.throwIfAborted();
    const signal = AbortSignal.any([options.signal, this.#closing.signal]);
    const creating = this.#create(spec, { ...options, signal });
    this.#creating.add(creating);
    try {
      return await creating;
    } finally {
      this.#creating.delete(creating);
    }
  }

  async list(tags: Readonly<Record<string, string>>): Promise<readonly FoundSandbox[]> {
    return [...this.#live.values()]
      .filter((live) => includesTags(live.tags, tags))
      .map(({ box, tags: its }) => ({ id: box.id, tags: its, terminate: () => box.terminate() }));
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing.abort(backendClosed());
    await Promise.allSettled(this.#creating);
    await Promise.all([...this.#live.values()].map(({ box }) => box.end('its backend was closed')));
    await (await this.#room?.catch(() => undefined))?.close();
  }

  async #create(spec: SandboxSpec, options: CreateOptions): Promise<Sandbox> {
    const tools = findHostTools(this.#options.tools);
    const inherited = inheritedDescriptors();
    const slot = this.#slots.take();
    const identity = this.#identity(slot);
    let launched: LaunchedBox | undefined;
    try {
      const plan = makePlan(spec, this.#options, identity ?? ownIdentity());
      await untilAborted(this.#openRoom(tools), { signal: options.signal });
      launched = await this.#launch(
        boxCommand(plan, BOX_SCRIPT),
        tools,
        identity,
        inherited,
        options,
      );
      const box = new Box({
        ...{ id: `bw-${randomUUID()}`, plan, launched, tools, identity, inherited },
        openPipes: async (stdin) => (await this.#openRoom(tools)).open(stdin),
      });
      this.#keep(box, slot, options);
      return completeSandbox(box);
    } catch (error) {
      launched?.child.kill('SIGKILL');
      if (launched === undefined) this.#slots.giveBack(slot);
      else void launched.ended.then(() => this.#slots.giveBack(slot));
      throw error;
    }
  }

  #keep(box: Box, slot: number, { tags = {}, lifetimeMs }: CreateOptions): void {
    this.#live.set(box.id, { box, tags: { ...tags } });
    this.#watcher.add(box);
    const lifetime = new LifetimeTimer(lifetimeMs, () => {
      // It is told of by whatever is asked of the box next.
      box.end('its lifetime is over').catch(() => {});
    });
    void box.ended.then(() => {
      lifetime.close();
      this.#live.delete(box.id);
      this.#watcher.remove(box);
      this.#slots.giveBack(slot);
    });
  }

  /** The box that makes pipes for all others; a new one where the last has ended. */
  async #openRoom(tools: HostTools): Promise<PipeRoom> {
    for (;;) {
      this.#room ??= this.#makeRoom(tools);
      const making = this.#room;
      const room = await making.catch((error: unknown) => {
        if (this.#room === making) this.#room = undefined;
        throw error;
      });
      if (!room.isClosed || this.#closed !== undefined) return room;
      if (this.#room === making) this.#room = undefined;
    }
  }

  async #makeRoom(tools: HostTools): Promise<PipeRoom> {
    const identity = this.#identity(this.#users.count);
    const plan = makePlan({}, { ...this.#options, readOnlyPaths: [] }, identity ?? ownIdentity());
    const command = boxCommand(plan, PIPE_ROOM_SCRIPT);
    // Nobody's own signal: all wait for the same one.
    const { signal } = this.#closing;
    const inherited = inheritedDescriptors();
    return new PipeRoom(await this.#launch(command, tools, identity, inherited, { signal }));
  }

  #launch(
    command: ReturnType<typeof boxCommand>,
    tools: HostTools,
    identity: Identity | undefined,
    inherited: readonly number[],
    { signal }: { readonly signal: AbortSignal },
  ): Promise<LaunchedBox> {
    const { createTimeoutMs: timeoutMs = DEFAULT_CREATE_TIMEOUT_MS } = this.#options;
    return launchBox({ bwrap: tools.bwrap, command, identity, inherited, timeoutMs, signal });
  }

  /** Undefined when we are no root, and every box runs as ourselves. */
  #identity(slot: number): Identity | undefined {
    if (process.getuid?.() !== 0) return undefined;
    return { uid: this.#users.first + slot, gid: this.#users.first + slot };
  }
}

function checkUsers({ first, count }: { readonly first: number; readonly count: number }): void {
  if (Number.isInteger(first) && Number.isInteger(count) && first > 0 && count > 0) return;
  throw invalidInput(
    'users',
    `is ${first} and ${count} from there; whole numbers above 0 are needed.`,
    {
      remedy: 'Never 0: that would be root of the host.',
    },
  );
}

function ownIdentity(): Identity {
  return { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
}

function backendClosed(): LachesisError {
  return new LachesisError('failed_precondition', 'The bubblewrap backend is closed.', {
    reason: 'BACKEND_CLOSED',
  });
}
