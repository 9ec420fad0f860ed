import { invalidInput } from '../../errors.ts';

/**
 * The unbiased estimate of solving a task in k attempts, given c solved ones of n:
 * 1 - C(n - c, k) / C(n, k) (Chen et al. 2021), as a product, so that nothing overflows.
 * Throws unless 0 <= c <= n and 1 <= k <= n.
 */
export function passAtK(n: number, c: number, k: number): number {
  if (![n, c, k].every(Number.isInteger) || c < 0 || c > n || k < 1 || k > n) {
    throw invalidInput(
      'passAtK',
      `was given n = ${n}, c = ${c}, k = ${k}; 0 <= c <= n and 1 <= k <= n are needed.`,
    );
  }
  if (n - c < k) return 1;
  let allFail = 1;
  for (let i = n - c + 1; i <= n; i++) allFail *= 1 - k / i;
  return 1 - allFail;
}
