import type { BatchSize, EnvironmentShare, SubmittedGroup } from '../../../src/broker/index.ts';
import { type SharedBatch, selectShared } from '../../../src/broker/select-shared.ts';
import type { Deficits } from '../../../src/broker/share-turns.ts';
import { WaitingGroups, waitingGroup } from '../../../src/broker/waiting-groups.ts';
import { group } from './groups.ts';

export function share(
  environment: string,
  weight: number,
  changes: Partial<EnvironmentShare> = {},
): EnvironmentShare {
  return { environment, weight, minShare: 0, whenShort: 'release', ...changes };
}

/** A queue whose environments have shares, and the cuts from it. */
export class Lanes {
  readonly waiting: WaitingGroups;
  readonly #size: BatchSize;
  readonly #target: number;
  readonly #shares: ReadonlyMap<string, EnvironmentShare>;
  deficits: Deficits = {};
  visited = 0;
  /** Groups of one environment and size differ in their position only. */
  readonly #shapes = new Map<string, SubmittedGroup>();
  #position = 0;

  constructor(size: BatchSize, target: number, shares: readonly EnvironmentShare[]) {
    this.#size = size;
    this.#target = target;
    this.#shares = new Map(shares.map((one) => [one.environment, one]));
    const visit = (groups: number) => {
      this.visited += groups;
    };
    this.waiting = new WaitingGroups(size.kind, visit);
    this.waiting.relane(({ environment }) => environment);
  }

  add(environment: string, rows: number | readonly number[], version = 0): void {
    this.#position += 1;
    const key = `${environment}/${rows}`;
    const shape = this.#shapes.get(key) ?? group(key, rows, { environment });
    this.#shapes.set(key, shape);
    this.waiting.add(waitingGroup(shape, { position: this.#position, version, arrivedMs: 0 }));
  }

  /** Units that each environment gave to the next batch; undefined when there is none. */
  cut(): { readonly batch: SharedBatch; readonly given: ReadonlyMap<string, number> } | undefined {
    const { waiting, deficits } = this;
    const batch = selectShared(this.#size, this.#target, waiting, this.#shares, deficits);
    if (batch === undefined) return undefined;
    const given = new Map<string, number>();
    for (const one of batch.groups) {
      const { environment } = one.group;
      const units = this.#size.kind === 'groups' ? 1 : one[this.#size.kind];
      given.set(environment, (given.get(environment) ?? 0) + units);
      waiting.remove(one);
    }
    this.deficits = batch.deficits;
    return { batch, given };
  }
}
