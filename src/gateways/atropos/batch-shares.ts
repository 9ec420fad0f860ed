import type { EnvironmentShare, RunState } from '../../broker/index.ts';
import { type EnvironmentRecord, legalName } from './environments.ts';
import type { GatewayState } from './route.ts';

/**
 * What connected environments want of each batch at least (`min_batch_allocation`), as a run's shares. Where
 * they want more than all of it, each gets less in proportion.
 */
export function batchShares(known: readonly EnvironmentRecord[]): readonly EnvironmentShare[] {
  const asking = known.filter(({ connected, minShare = 0 }) => connected && minShare > 0);
  const sum = asking.reduce((all, { minShare = 0 }) => all + minShare, 0);
  return asking.map(({ name, minShare = 0 }) => ({
    environment: legalName(name),
    weight: 1,
    minShare: minShare / Math.max(1, sum),
    whenShort: 'release',
  }));
}

/** Tells the broker, for a run that an Atropos trainer opened; others have shares of their own. */
export async function shareBatches(
  run: RunState,
  { session, config }: Pick<GatewayState, 'session' | 'config'>,
): Promise<void> {
  if (session.registration === undefined || run.closed) return;
  await config.broker.setShares(run.id, batchShares(session.environments.known()));
}
