import { bucketName } from '../contract/index.ts';
import { BUCKETS, type Ledger, ledgerBalance } from '../tokens/index.ts';

/** A share of 1, such as `94.5 %`. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

export function count(value: number): string {
  return value.toLocaleString('en');
}

/** A ledger as a sum: `1,200 sampled = 1,100 trained, over_length 100`; one that is none says so. */
export function ledgerSum(ledger: Ledger): string {
  const excluded = BUCKETS.filter((bucket) => bucket !== 'trained' && ledger[bucket] !== 0);
  const parts = excluded.map((bucket) => `, ${bucketName(bucket)} ${count(ledger[bucket])}`);
  const rest = ledgerBalance(ledger);
  const off =
    rest === 0
      ? ''
      : `; DOES NOT BALANCE: ${count(Math.abs(rest))} too ${rest > 0 ? 'few' : 'many'} in the buckets`;
  return `${count(ledger.sampled)} sampled = ${count(ledger.trained)} trained${parts.join('')}${off}`;
}
