import { type Clock, onAbort, systemClock } from '../../async/index.ts';
import { errorMessage, LachesisError } from '../../errors.ts';
import type { Engine, EngineDescription, EngineGeneration, EngineRequest } from '../engine.ts';
import { isUnanswered } from './http-errors.ts';
import { allOut, noEngineFor, poolFull } from './pool-errors.ts';
import { membersOf, type PoolMember } from './pool-member.ts';
import type { EnginePoolOptions } from './pool-options.ts';
import { PoolRoll } from './pool-roll.ts';

export interface EnginePool extends Engine {
  readonly members: readonly Engine[];
  /** Where each engine stands, for a log or a page. */
  states(): readonly {
    readonly name: string;
    readonly held: number;
    readonly ailment: string | undefined;
  }[];
}

/** Sessions whose engine is remembered; a forgotten one only finds its prefix cold. */
const MAX_HOMES = 100_000;

/**
 * Several engines of one model as one. A call goes to its session's engine, where its prefix is warm, as
 * long as that has a free place, else to the one with the smallest share of its places taken. Engines that
 * fail are taken out, asked now and then, and taken back.
 */
export function createEnginePool(options: EnginePoolOptions): EnginePool {
  return new Pool(options);
}

interface Waiting {
  readonly request: EngineRequest;
  readonly avoid: ReadonlySet<PoolMember>;
  readonly enter: (member: PoolMember) => void;
  readonly refuse: (error: unknown) => void;
}

class Pool implements EnginePool {
  readonly members: readonly Engine[];
  readonly probed: boolean;
  readonly score?: NonNullable<Engine['score']>;
  readonly scoreTopK?: NonNullable<Engine['scoreTopK']>;
  readonly #members: readonly PoolMember[];
  readonly #roll: PoolRoll;
  readonly #maxWaiting: number;
  readonly #failuresUntilOut: number;
  readonly #checkEveryMs: number;
  readonly #clock: Clock;
  readonly #closed = new AbortController();
  readonly #homes = new Map<string, PoolMember>();
  readonly #waiting: Waiting[] = [];
  #callOffCheck: (() => void) | undefined;

  constructor(options: EnginePoolOptions) {
    this.#members = membersOf(options);
    this.#roll = new PoolRoll(this.#members, options);
    this.members = this.#members.map(({ engine }) => engine);
    this.probed = this.members.some((engine) => engine.probed === true);
    this.#maxWaiting = options.maxWaiting ?? 1_024;
    this.#failuresUntilOut = options.failuresUntilOut ?? 2;
    this.#checkEveryMs = options.checkEveryMs ?? 5_000;
    this.#clock = options.clock ?? systemClock;
    if (this.members.some((engine) => engine.score !== undefined)) {
      this.score = async (tokenIds, call) => this.#scorer('score').score!(tokenIds, call);
    }
    if (this.members.some((engine) => engine.scoreTopK !== undefined)) {
      this.scoreTopK = async (tokenIds, call) =>
        this.#scorer('scoreTopK').scoreTopK!(tokenIds, call);
    }
  }

  states() {
    return this.#members.map(({ name, held, ailment }) => ({ name, held, ailment }));
  }

  async describe({ signal }: { readonly signal?: AbortSignal } = {}): Promise<EngineDescription> {
    return this.#roll.describe(signal, (member, thrown) => {
      if (member.failed(errorMessage(thrown), 1)) this.#out();
    });
  }

  generate(
    request: EngineRequest,
    options: { readonly signal: AbortSignal },
  ): Promise<EngineGeneration> {
    return this.#on(request, options.signal, (engine) => engine.generate(request, options));
  }

  async health(options: { readonly signal: AbortSignal }): Promise<void> {
    await Promise.any(this.members.map(async (engine) => engine.health?.(options)));
  }

  async close(): Promise<void> {
    const closed = new LachesisError('cancelled', 'The engine pool was closed.', {
      reason: 'ENGINE_CLOSED',
    });
    this.#closed.abort(closed);
    this.#callOffCheck?.();
    for (const { refuse } of this.#waiting.splice(0)) refuse(closed);
    await Promise.all(this.members.map((engine) => engine.close()));
  }

  /** The engine to score on: any that can, the idlest of those that are well. */
  #scorer(verb: 'score' | 'scoreTopK'): Engine {
    const able = this.#members.filter(({ engine }) => engine[verb] !== undefined);
    const well = able.filter(({ ailment }) => ailment === undefined);
    return (leastLoaded(well) ?? able[0]!).engine;
  }

  /** Runs a call on an engine; one that could not be reached hands it on, once to each other. */
  async #on(
    request: EngineRequest,
    signal: AbortSignal,
    run: (engine: Engine) => Promise<EngineGeneration>,
  ): Promise<EngineGeneration> {
    const avoid = new Set<PoolMember>();
    for (;;) {
      const member = await this.#enter(request, avoid, signal);
      try {
        const made = await run(member.engine);
        if (made.failure === undefined) member.succeeded();
        else this.#note(member, made.failure);
        return made;
      } catch (thrown) {
        signal.throwIfAborted();
        const out = this.#note(member, thrown);
        const again = out && thrown instanceof LachesisError && isUnanswered(thrown);
        avoid.add(member);
        if (!again || !this.#serving(request).some((other) => !avoid.has(other))) throw thrown;
      } finally {
        this.#leave(member);
      }
    }
  }

  /** The engines that are well and take such calls. */
  #serving({ purpose = 'train' }: EngineRequest): readonly PoolMember[] {
    return this.#members.filter(
      (member) => member.ailment === undefined && member.purposes.has(purpose),
    );
  }

  async #enter(
    request: EngineRequest,
    avoid: ReadonlySet<PoolMember>,
    signal: AbortSignal,
  ): Promise<PoolMember> {
    this.#closed.signal.throwIfAborted();
    signal.throwIfAborted();
    const { purpose = 'train' } = request;
    const meant = this.#members.filter((member) => member.purposes.has(purpose));
    if (meant.length === 0) throw noEngineFor(purpose);
    if (this.#serving(request).length === 0) throw allOut(meant);
    const free = this.#freeFor(request, avoid);
    if (free !== undefined) return this.#taken(free, request);
    if (this.#waiting.length >= this.#maxWaiting) throw poolFull(this.#maxWaiting);
    const place = Promise.withResolvers<PoolMember>();
    const waiting: Waiting = { request, avoid, enter: place.resolve, refuse: place.reject };
    this.#waiting.push(waiting);
    const unfollow = onAbort(signal, () => {
      const at = this.#waiting.indexOf(waiting);
      if (at >= 0) this.#waiting.splice(at, 1);
      place.reject(signal.reason);
    });
    try {
      return await place.promise;
    } finally {
      unfollow();
    }
  }

  #freeFor(request: EngineRequest, avoid: ReadonlySet<PoolMember>): PoolMember | undefined {
    const serving = this.#serving(request);
    const fresh = serving.filter((member) => !avoid.has(member));
    const free = (fresh.length > 0 ? fresh : serving).filter(({ hasRoom }) => hasRoom);
    const { sessionKey } = request;
    const home = sessionKey === undefined ? undefined : this.#homes.get(sessionKey);
    return home !== undefined && free.includes(home) ? home : leastLoaded(free);
  }

  #taken(member: PoolMember, { sessionKey }: EngineRequest): PoolMember {
    member.held += 1;
    if (sessionKey !== undefined) {
      // Entered anew, so that the oldest is the one that was idle longest.
      this.#homes.delete(sessionKey);
      this.#homes.set(sessionKey, member);
      const oldest = this.#homes.keys().next().value;
      if (this.#homes.size > MAX_HOMES && oldest !== undefined) this.#homes.delete(oldest);
    }
    return member;
  }

  #leave(member: PoolMember): void {
    member.held -= 1;
    this.#admit();
  }

  /** Lets in who waits, in order; one who has no free engine keeps nobody else out. */
  #admit(): void {
    for (let at = 0; at < this.#waiting.length; ) {
      const waiting = this.#waiting[at]!;
      const free = this.#freeFor(waiting.request, waiting.avoid);
      if (free === undefined) {
        at += 1;
        continue;
      }
      this.#waiting.splice(at, 1);
      waiting.enter(this.#taken(free, waiting.request));
    }
  }

  /** Takes note of a failure; true when it was the way to the engine that failed. */
  #note(member: PoolMember, thrown: unknown): boolean {
    if (!(thrown instanceof LachesisError) || thrown.kind !== 'infrastructure_error') return false;
    // A busy engine is well.
    if (thrown.reason === 'ENGINE_BUSY') return true;
    if (member.failed(thrown.message, this.#failuresUntilOut)) this.#out();
    return true;
  }

  #out(): void {
    const served = new Set(
      this.#members.flatMap(({ ailment, purposes }) =>
        ailment === undefined ? [...purposes] : [],
      ),
    );
    for (const waiting of this.#waiting.splice(0)) {
      const { purpose = 'train' } = waiting.request;
      if (served.has(purpose)) this.#waiting.push(waiting);
      else waiting.refuse(allOut(this.#members.filter((member) => member.purposes.has(purpose))));
    }
    this.#callOffCheck ??= this.#clock.schedule(this.#checkEveryMs, () => void this.#check());
  }

  async #check(): Promise<void> {
    const ailing = this.#members.filter(({ ailment }) => ailment !== undefined);
    const well = await Promise.all(
      ailing.map((member) =>
        member.recovers({
          timeoutMs: this.#checkEveryMs,
          closed: this.#closed.signal,
          clock: this.#clock,
          confirm: (signal) => this.#roll.confirm(member, signal),
        }),
      ),
    );
    this.#callOffCheck = undefined;
    if (this.#closed.signal.aborted) return;
    if (well.includes(true)) this.#admit();
    if (well.includes(false)) {
      this.#callOffCheck = this.#clock.schedule(this.#checkEveryMs, () => void this.#check());
    }
  }
}

/** The first of those with the smallest share of places taken. */
function leastLoaded(members: readonly PoolMember[]): PoolMember | undefined {
  return members.reduce<PoolMember | undefined>(
    (best, member) => (best === undefined || member.load < best.load ? member : best),
    undefined,
  );
}
