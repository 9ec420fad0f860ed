import type { RunSettings, StoredGroup } from './broker.ts';
import type { DropReason } from './run-figures.ts';
import { isFresh, oldestAllowedVersion } from './staleness.ts';
import { isUniform } from './uniform-rewards.ts';

/** Why an accepted group leaves at once; undefined for one that waits. */
export function unfit(
  settings: Pick<RunSettings, 'batchSize' | 'dropUniformGroups' | 'maxStaleness'>,
  group: Pick<StoredGroup, 'rows' | 'rewards' | 'oldestPolicyVersion'>,
  policyVersion: number,
): DropReason | undefined {
  // Groups that a direct model played have transcripts alone: counted in groups, they fill a batch.
  if (settings.batchSize.kind !== 'groups' && group.rows.length === 0) return 'no_rows';
  if (settings.dropUniformGroups && isUniform(group.rewards)) return 'uniform_rewards';
  const version = group.oldestPolicyVersion ?? policyVersion;
  return isFresh(version, oldestAllowedVersion(policyVersion, settings.maxStaleness))
    ? undefined
    : 'stale';
}
