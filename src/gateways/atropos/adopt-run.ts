import type { RunState } from '../../broker/index.ts';
import type { GatewayState } from './route.ts';

/** Groups older than the waiting ones are looked through for this many: a batch may have been cut past them. */
const LOOK_BACK = 1_000;

/**
 * Takes over a run that was there before this process, as it is: one that was not opened through this
 * gateway, but before a restart or by a gRPC client. Whose groups wait is read from the groups.
 */
export async function adoptRun(run: RunState, state: GatewayState): Promise<void> {
  const { session, saved, config } = state;
  if (!session.adopt(run, saved)) return;
  const { acceptedGroups, waitingGroups } = await config.broker.status(run.id);
  const from = Math.max(0, acceptedGroups - waitingGroups - LOOK_BACK);
  for await (const { group } of config.broker.scanGroups(run.id, from)) {
    const { id, environment, rewards } = group;
    const envId = session.environments.idOf(environment);
    session.waiting.add({ id, envId, sequences: Math.max(1, rewards.length) });
    session.latest = group;
  }
  session.waiting.trim(waitingGroups);
}
