import type { Broker } from '../../broker/index.ts';
import { decodeGroup, decodeGroupHeader } from '../../contract/index.ts';
import { RUN_ID } from './plan.ts';
import { Tally } from './tally.ts';

/**
 * The tally of what a store has accepted of the run, as far as it can be read. `notScored` is what failed
 * while all parts were there; what failed beyond that did because one of them was gone.
 */
export async function keptTally(
  broker: Broker,
  options: { readonly notScored: number; readonly signal: AbortSignal },
): Promise<Tally> {
  const { notScored, signal } = options;
  const tally = new Tally();
  if (!(await broker.listRuns()).some(({ id }) => id === RUN_ID)) return tally;
  for await (const { group } of broker.scanGroups(RUN_ID, 0)) {
    const { payload } = group;
    if ((await payload.check({ signal })) === 'damaged') continue;
    const header = decodeGroupHeader(await payload.header({ signal }));
    const { rollouts } = decodeGroup(header, await payload.parts({ signal })).group;
    for (const rollout of rollouts) tally.add(rollout);
  }
  tally.interrupted(notScored);
  return tally;
}
