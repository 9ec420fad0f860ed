import { batchDigest } from '../wire/index.ts';
import type { Batch, BatchRow, StoredGroup } from './broker.ts';
import { splitRanks } from './rank-split.ts';

/** A batch as it was cut: what stays the same for every consumer and every delivery. */
export interface CutBatch {
  readonly id: string;
  readonly runId: string;
  readonly step: number;
  readonly policyVersion: number;
  readonly groups: readonly StoredGroup[];
  readonly digest: Uint8Array;
  /** Its rows split over so many ranks; the same whenever it is asked. */
  rowsFor(worldSize: number): readonly BatchRow[];
  /** The rank of each row, by the world sizes that it was split for. */
  splits(): Readonly<Record<string, readonly number[]>>;
}

export function cutBatch(fields: {
  readonly runId: string;
  readonly step: number;
  readonly policyVersion: number;
  readonly groups: readonly StoredGroup[];
  /** Of a batch that was cut before: these splits are kept. */
  readonly splits?: Readonly<Record<string, readonly number[]>>;
}): CutBatch {
  const groups = Object.freeze([...fields.groups]);
  const places = groups.flatMap((group, groupIndex) =>
    group.rows.map(({ partIndex, tokens }) => ({ groupIndex, partIndex, tokens })),
  );
  const splits = new Map<number, readonly BatchRow[]>();
  const rowsOf = (ranks: readonly number[]): readonly BatchRow[] =>
    Object.freeze(
      places.map(({ groupIndex, partIndex }, index) =>
        Object.freeze({ groupIndex, partIndex, rank: ranks[index]! }),
      ),
    );
  for (const [worldSize, ranks] of Object.entries(fields.splits ?? {})) {
    splits.set(Number(worldSize), rowsOf(ranks));
  }
  return Object.freeze({
    id: batchId(fields.step),
    runId: fields.runId,
    step: fields.step,
    policyVersion: fields.policyVersion,
    groups,
    digest: batchDigest(
      groups.map((group) => group.digest),
      places,
    ),
    rowsFor(worldSize: number): readonly BatchRow[] {
      const known = splits.get(worldSize);
      if (known !== undefined) return known;
      const ranks = splitRanks(
        places.map((place) => place.tokens),
        worldSize,
      );
      const rows = rowsOf(ranks);
      splits.set(worldSize, rows);
      return rows;
    },
    splits: () =>
      Object.fromEntries(
        [...splits].map(([worldSize, rows]) => [String(worldSize), rows.map(({ rank }) => rank)]),
      ),
  });
}

/** The id of the batch for a step; unique in its run. */
export function batchId(step: number): string {
  return `batch-${step}`;
}

/** The step of a batch id, or undefined when it is none of ours. */
export function stepOfBatchId(id: string): number | undefined {
  const digits = /^batch-([1-9]\d{0,14})$/.exec(id)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** The batch as one consumer is handed it. */
export function deliverBatch(
  cut: CutBatch,
  terms: { readonly worldSize: number; readonly delivery: number; readonly leaseMs: number },
): Batch {
  const { id, runId, step, policyVersion, groups, digest } = cut;
  const rows = cut.rowsFor(terms.worldSize);
  const { delivery, leaseMs } = terms;
  return { id, runId, step, policyVersion, groups, rows, digest, delivery, leaseMs };
}
