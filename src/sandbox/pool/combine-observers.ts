import type { PoolObserver } from './observer.ts';

const EVENTS = [
  'created',
  'createFailed',
  'leased',
  'executed',
  'leaked',
  'reset',
  'destroyed',
  'survived',
  'refused',
  'counted',
] as const satisfies readonly (keyof PoolObserver)[];

/** One observer that tells all of these. What one throws is nobody's: it must not harm the pool or the others. */
export function combineObservers(
  ...observers: readonly (PoolObserver | undefined)[]
): Required<PoolObserver> {
  const tell = (name: keyof PoolObserver) => (event: never) => {
    for (const observer of observers) {
      try {
        observer?.[name]?.(event);
      } catch {
        // It was told; what it makes of that is its own matter.
      }
    }
  };
  return Object.fromEntries(EVENTS.map((name) => [name, tell(name)])) as Required<PoolObserver>;
}
