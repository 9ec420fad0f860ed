/** The oldest policy version that a batch cut now may hold; undefined when any will do. */
export function oldestAllowedVersion(
  policyVersion: number,
  maxStaleness: number | undefined,
): number | undefined {
  return maxStaleness === undefined ? undefined : policyVersion - maxStaleness;
}

/** Whether a group of that oldest version may be in a batch cut now. */
export function isFresh(version: number, oldestAllowed: number | undefined): boolean {
  return oldestAllowed === undefined || version >= oldestAllowed;
}
