import type { Ledger } from '../../tokens/index.ts';
import type { Rollout } from '../rollout.ts';
import { checkRowsOfSegments, type RowAt } from './check-segment-rows.ts';
import { disagreements, ledgerDifferences } from './disagreements.ts';

/**
 * Checks a rollout's account against itself: its ledger is the header's and what its segments' spans
 * say, each row is of the segment that it names, and the calls sampled what the spans say they did.
 * Calls that are not there are unknown, and not checked.
 */
export function checkAccount(
  rollout: Rollout,
  field: string,
  header: { readonly ledger: Ledger; readonly field: string },
  rows: readonly RowAt[],
): void {
  sameLedger(rollout.ledger, header.ledger, `${field}.ledger`, `${header.field}.ledger has`);
  checkRowsOfSegments(rollout.segments, field, rows);
  for (const disagreement of disagreements(rollout, field)) throw disagreement;
}

/** Refuses a ledger that differs from another; `other` begins what is said of that one. */
export function sameLedger(said: Ledger, found: Ledger, field: string, other: string): void {
  for (const difference of ledgerDifferences(said, found, field, other)) throw difference;
}
