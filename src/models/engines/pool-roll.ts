import { isDeadline, LachesisError } from '../../errors.ts';
import type { EngineDescription } from '../engine.ts';
import { joinDescriptions } from './pool-description.ts';
import type { PoolMember } from './pool-member.ts';
import type { EnginePoolOptions } from './pool-options.ts';

type JoinOptions = Pick<EnginePoolOptions, 'allowDifferentModels'>;

/** Whether an engine did not answer, rather than answered something wrong. */
export function isNoAnswer(thrown: unknown): boolean {
  return thrown instanceof LachesisError
    ? thrown.kind === 'infrastructure_error'
    : isDeadline(thrown);
}

/**
 * What the engines of a pool said of themselves. Those that do not answer are left out, and once they do, they
 * have to fit what was said of the pool before they take a call.
 */
export class PoolRoll {
  readonly #members: readonly PoolMember[];
  readonly #options: JoinOptions;
  readonly #known = new Map<PoolMember, EngineDescription>();

  constructor(members: readonly PoolMember[], options: JoinOptions) {
    this.#members = members;
    this.#options = options;
  }

  /** Throws when none answers, and for a contradiction; `silent` is told of each that does not answer. */
  async describe(
    signal: AbortSignal | undefined,
    silent: (member: PoolMember, thrown: unknown) => void,
  ): Promise<EngineDescription> {
    const well = this.#members.filter(({ ailment }) => ailment === undefined);
    const failures: unknown[] = [];
    await Promise.all(
      (well.length > 0 ? well : this.#members).map(async (member) => {
        try {
          const options = signal === undefined ? {} : { signal };
          this.#known.set(member, await member.engine.describe(options));
        } catch (thrown) {
          signal?.throwIfAborted();
          if (!isNoAnswer(thrown)) throw thrown;
          failures.push(thrown);
          silent(member, thrown);
        }
      }),
    );
    if (this.#known.size === 0) throw failures[0];
    return this.#joined();
  }

  /** Refuses an engine that comes back as another than the pool was said to be of. */
  async confirm(member: PoolMember, signal: AbortSignal): Promise<void> {
    if (this.#known.size === 0 || this.#known.has(member)) return;
    const before = this.#joined();
    const description = await member.engine.describe({ signal });
    const all = joinDescriptions(
      [
        { name: 'the pool', description: before },
        { name: member.name, description },
      ],
      this.#options,
    );
    for (const field of ['model', 'vocabularySize', 'contextLength', 'logprobMode'] as const) {
      if (all[field] !== before[field]) {
        throw new Error(`its ${field} is ${description[field]}, and the pool's ${before[field]}`);
      }
    }
    this.#known.set(member, description);
  }

  #joined(): EngineDescription {
    const all = this.#members.flatMap((member) => {
      const description = this.#known.get(member);
      return description === undefined ? [] : [{ name: member.name, description }];
    });
    return joinDescriptions(all, this.#options);
  }
}
