import { type Clock, untilAborted } from '../../async/index.ts';
import { errorMessage, invalidInput } from '../../errors.ts';
import type { Engine, EnginePurpose } from '../engine.ts';
import type { EnginePoolOptions } from './pool-options.ts';

/** One engine of a pool, with what is known of it. */
export class PoolMember {
  readonly engine: Engine;
  readonly name: string;
  readonly size: number;
  readonly purposes: ReadonlySet<EnginePurpose>;
  /** Calls under way. */
  held = 0;
  /** Why it is out, or undefined while it takes calls. */
  ailment: string | undefined;
  #failures = 0;

  constructor(member: {
    readonly engine: Engine;
    readonly name: string;
    readonly size: number;
    readonly purposes: readonly EnginePurpose[];
  }) {
    this.engine = member.engine;
    this.name = member.name;
    this.size = member.size;
    this.purposes = new Set(member.purposes);
  }

  get hasRoom(): boolean {
    return this.ailment === undefined && this.held < this.size;
  }

  /** Share of its places that is taken. */
  get load(): number {
    return this.held / this.size;
  }

  succeeded(): void {
    this.#failures = 0;
  }

  /** Out after so many failures in a row; true when this was the one. */
  failed(why: string, failuresUntilOut: number): boolean {
    this.#failures += 1;
    if (this.ailment !== undefined || this.#failures < failuresUntilOut) return false;
    this.ailment = why;
    return true;
  }

  /**
   * Asks it whether it is well again, and whether it still is what the pool is of. An engine that can't be
   * asked is tried after the pause.
   */
  async recovers(asked: {
    readonly timeoutMs: number;
    readonly closed: AbortSignal;
    readonly clock: Clock;
    readonly confirm: (signal: AbortSignal) => Promise<void>;
  }): Promise<boolean> {
    const limit = new AbortController();
    const callOff = asked.clock.schedule(asked.timeoutMs, () => limit.abort());
    try {
      const signal = AbortSignal.any([limit.signal, asked.closed]);
      if (this.engine.health !== undefined) {
        await untilAborted(this.engine.health({ signal }), { signal });
      }
      await untilAborted(asked.confirm(signal), { signal });
    } catch (thrown) {
      this.ailment = errorMessage(thrown);
      return false;
    } finally {
      callOff();
    }
    this.ailment = undefined;
    this.#failures = 0;
    return true;
  }
}

/** The members of a pool, with the engines that are for evaluation alone at the end. */
export function membersOf({ engines, evaluationShare }: EnginePoolOptions): readonly PoolMember[] {
  if (engines.length === 0) throw invalidInput('engines', 'is empty; give at least one.');
  if (evaluationShare !== undefined && !(evaluationShare > 0 && evaluationShare < 1)) {
    throw invalidInput('evaluationShare', `is ${evaluationShare}; give a share between 0 and 1.`);
  }
  if (evaluationShare !== undefined && engines.length < 2) {
    throw invalidInput('evaluationShare', 'needs at least two engines.');
  }
  const count =
    evaluationShare === undefined
      ? undefined
      : Math.min(engines.length - 1, Math.max(1, Math.round(engines.length * evaluationShare)));
  return engines.map(({ engine, name, maxConcurrency, purposes }, index) => {
    const split: readonly EnginePurpose[] =
      count === undefined
        ? ['train', 'evaluation']
        : [index >= engines.length - count ? 'evaluation' : 'train'];
    const size = maxConcurrency ?? 64;
    if (!Number.isInteger(size) || size < 1) {
      throw invalidInput(`engines[${index}].maxConcurrency`, `is ${size}; give at least 1.`);
    }
    return new PoolMember({
      engine,
      name: name ?? `engine ${index}`,
      size,
      purposes: purposes ?? split,
    });
  });
}
