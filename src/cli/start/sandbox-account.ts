import type { OpenSandboxes, PoolObserver } from '../../sandbox/index.ts';
import { count } from '../words.ts';

/** Counts what a pool does for one command. */
export class SandboxAccount {
  #created = 0;
  #leases = 0;
  #most = 0;
  readonly #leasedNow = new Map<string, number>();

  readonly observer: PoolObserver = {
    created: () => {
      this.#created += 1;
    },
    leased: () => {
      this.#leases += 1;
    },
    counted: ({ key, leased }) => {
      this.#leasedNow.set(key, leased);
      this.#most = Math.max(
        this.#most,
        this.#leasedNow.values().reduce((sum, n) => sum + n, 0),
      );
    },
  };

  /** Of this sitting, for the summary. */
  text({ pool }: OpenSandboxes): string {
    const { name, capabilities } = pool.backend;
    return `${name}, isolation ${capabilities.isolation}: ${count(this.#leases)} leases, ${count(this.#created)} made, at most ${count(this.#most)} leased at a time`;
  }
}

/** Where commands run, as trying it showed. */
export function placeText({ pool, probe }: OpenSandboxes): string {
  const { name, capabilities } = pool.backend;
  const { createMs, execMs } = probe;
  const times =
    createMs === undefined || execMs === undefined
      ? ''
      : ` (one made in ${Math.round(createMs)} ms, a command in ${Math.round(execMs)} ms)`;
  return `Commands run in sandboxes of ${name}, isolation ${capabilities.isolation}${times}.`;
}
