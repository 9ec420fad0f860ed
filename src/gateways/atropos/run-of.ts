import type { RunState } from '../../broker/index.ts';
import { LachesisError } from '../../errors.ts';
import { adoptRun } from './adopt-run.ts';
import { pushEarlyGroups } from './push-groups.ts';
import type { RouteContext } from './route.ts';

/** The run that is served. */
export async function findRun(context: RouteContext): Promise<RunState | undefined> {
  const run = await context.run.find();
  if (run === undefined) return undefined;
  await adoptRun(run, context.state);
  if (!run.closed) await pushEarlyGroups(context.early, { ...context, run });
  return run;
}

/** In sequences. Throws when the run counts something else. */
export function batchSizeOf({ id, settings: { batchSize } }: RunState): number {
  if (batchSize.kind === 'rows') return batchSize.rows;
  throw new LachesisError(
    'failed_precondition',
    `Run "${id}" counts its batches in ${batchSize.kind}, and Atropos trainers count sequences.`,
    { reason: 'RUN_NOT_IN_ROWS', remedy: 'Open it with batch_rows, or serve another run.' },
  );
}
