/** Below this share of the largest reward's size, a difference is rounding noise. */
const RELATIVE_NOISE = 1e-9;

/**
 * Whether a group's scored rewards are all alike, so that it teaches nothing: within rounding noise
 * of each other. A group with fewer than two scored rewards is uniform.
 */
export function isUniform(rewards: readonly (number | undefined)[]): boolean {
  const scored = rewards.filter((reward) => reward !== undefined);
  if (scored.length < 2) return true;
  const least = Math.min(...scored);
  const most = Math.max(...scored);
  const largest = Math.max(Math.abs(least), Math.abs(most));
  // Divided first: of huge rewards the difference may overflow.
  return largest === 0 || most / largest - least / largest <= RELATIVE_NOISE;
}
