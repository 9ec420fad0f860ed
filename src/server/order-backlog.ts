import type { Broker } from '../broker/index.ts';
import { type Assignment, assignmentToProto } from '../contract/index.ts';
import { LachesisError } from '../errors.ts';
import type { AutoPlay } from './auto-play.ts';
import { orderGroups } from './order-groups.ts';
import type { Rollouts } from './rollouts.ts';

/** Open assignments of a run up to which a backlog is ordered: what follows from groups must not pile up. */
const MAX_OPEN = 1_024;

/** Orders a group's backlog: through the run's own player, or at once where others order its groups. */
export async function orderBacklog(
  assignments: readonly Assignment[],
  options: { readonly broker: Broker; readonly rollouts: Rollouts; readonly autoPlay: AutoPlay },
): Promise<void> {
  const [first] = assignments;
  if (first === undefined) return;
  const { runId } = first;
  const refused = options.autoPlay.takeBacklog(runId, assignments);
  if (refused === 0) return;
  if (refused !== undefined) throw noRoom(refused, 'tasks of backlogs wait already');
  const { openAssignments } = await options.broker.status(runId);
  if (openAssignments + assignments.length > MAX_OPEN) {
    throw noRoom(assignments.length, `of its run's assignments are open already`);
  }
  await orderGroups(
    assignments.map((assignment) => assignmentToProto(assignment)),
    options,
  );
}

function noRoom(tasks: number, what: string): LachesisError {
  return new LachesisError(
    'resource_exhausted',
    `There is no room for ${tasks} tasks of a backlog: ${MAX_OPEN} ${what}.`,
    { reason: 'BACKLOG_FULL', remedy: 'Give fewer: a backlog that always grows is never played.' },
  );
}
