import type { EnvironmentDefinition } from '../environment.ts';

/** Most milliseconds that an environment's reward may take for one rollout. */
export function rewardTimeoutOf({
  rewardTimeoutMs = 60_000,
}: Pick<EnvironmentDefinition, 'rewardTimeoutMs'>): number {
  return rewardTimeoutMs;
}
