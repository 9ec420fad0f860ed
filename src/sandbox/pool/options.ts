import type { Clock } from '../../async/index.ts';
import { systemClock } from '../../async/index.ts';
import { invalidInput } from '../../errors.ts';
import type { SandboxBackend } from '../contract/backend.ts';
import { combineObservers } from './combine-observers.ts';
import type { PoolObserver } from './observer.ts';
import { isResettable } from './reset.ts';

/** What {@link createSandboxPool} takes. Times are in milliseconds. */
export interface SandboxPoolOptions {
  /** Stays the caller's, who closes it after the pool. */
  readonly backend: SandboxBackend;
  /** Most sandboxes at a time, in any state. Default: 16. */
  readonly maxTotal?: number;
  /** Default: `maxTotal`. */
  readonly maxPerKey?: number;
  /** Most sandboxes beyond `maxTotal` for leases with `extra`. Default: `maxTotal`. */
  readonly maxExtra?: number;
  /** Who waits for one; more are refused. Default: 4,096. */
  readonly maxWaiting?: number;
  /** Leases of one sandbox, with a reset between them. Default: 1, or 20 where making one is costly. */
  readonly maxUses?: number;
  /** Of one sandbox, in all. Default: 1 hour where it outlives us, else none. */
  readonly lifetimeMs?: number;
  /** An idle one that nobody asked for so long is destroyed. Default: 300,000. */
  readonly idleMs?: number;
  /** Of making one. Default: 120,000, or 5,000 where it is not costly. */
  readonly createTimeoutMs?: number;
  /** Of looking whether an idle one still works. Default: 5,000. */
  readonly healthTimeoutMs?: number;
  /** Once in so long, who has waited longest comes before others whose key has idle sandboxes. Default: 250. */
  readonly fairnessMs?: number;
  /** Kept with every sandbox beside the pool's own tags. */
  readonly tags?: Readonly<Record<string, string>>;
  readonly observer?: PoolObserver;
  readonly clock?: Clock;
  /** Uniform in [0, 1), for the pauses after failures. */
  readonly random?: () => number;
}

export interface PoolSettings extends Required<Omit<SandboxPoolOptions, 'observer' | 'tags'>> {
  readonly observer: Required<PoolObserver>;
  readonly tags: Readonly<Record<string, string>>;
}

/** Fills in the defaults; throws `invalid_input` that names the option. */
export function resolvePoolOptions(options: SandboxPoolOptions): PoolSettings {
  const { backend, maxTotal = 16 } = options;
  const { costly, outlivesOwner, isolation } = backend.capabilities;
  const settings: PoolSettings = {
    backend,
    maxTotal,
    maxPerKey: options.maxPerKey ?? maxTotal,
    maxExtra: options.maxExtra ?? maxTotal,
    maxWaiting: options.maxWaiting ?? 4_096,
    maxUses: options.maxUses ?? (costly && isResettable(isolation) ? 20 : 1),
    lifetimeMs: options.lifetimeMs ?? (outlivesOwner ? 3_600_000 : Infinity),
    idleMs: options.idleMs ?? 300_000,
    createTimeoutMs: options.createTimeoutMs ?? (costly ? 120_000 : 5_000),
    healthTimeoutMs: options.healthTimeoutMs ?? 5_000,
    fairnessMs: options.fairnessMs ?? 250,
    tags: options.tags ?? {},
    observer: combineObservers(options.observer),
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
  };
  for (const name of ['maxTotal', 'maxPerKey', 'maxUses'] as const) wholeNumber(settings, name, 1);
  if (settings.maxUses > 1 && !isResettable(isolation)) {
    throw invalidInput(
      'pool.maxUses',
      `is ${settings.maxUses}; \`${backend.name}\` shares the host.`,
      {
        remedy: 'Use its sandboxes once (1): emptying one would empty what is others’.',
      },
    );
  }
  for (const name of ['maxExtra', 'maxWaiting'] as const) wholeNumber(settings, name, 0);
  for (const name of ['lifetimeMs', 'createTimeoutMs', 'healthTimeoutMs'] as const) {
    if (!(settings[name] > 0)) {
      throw invalidInput(`pool.${name}`, `is ${settings[name]}; more than 0 is needed.`);
    }
  }
  for (const name of ['idleMs', 'fairnessMs'] as const) {
    if (!(settings[name] >= 0)) {
      throw invalidInput(`pool.${name}`, `is ${settings[name]}; at least 0 is needed.`);
    }
  }
  return Object.freeze(settings);
}

function wholeNumber(
  settings: PoolSettings,
  name: 'maxTotal' | 'maxPerKey' | 'maxExtra' | 'maxWaiting' | 'maxUses',
  least: number,
): void {
  const value = settings[name];
  if (Number.isInteger(value) && value >= least) return;
  if (value === Infinity && name === 'maxUses') return;
  throw invalidInput(`pool.${name}`, `is ${value}; a whole number of at least ${least} is needed.`);
}
