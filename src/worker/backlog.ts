import { createHash } from 'node:crypto';
import type { Assignment, Task } from '../contract/index.ts';

/**
 * The assignments of a group's backlog: as its own, for other tasks. Their ids follow from the group's,
 * so that a group that is played again orders nothing twice, and have one length however long a chain
 * of backlogs grows.
 */
export function backlogAssignments(
  { seed: _, ...order }: Assignment,
  tasks: readonly Task[],
): readonly Assignment[] {
  return tasks.map((task, place) => {
    const hash = createHash('sha256')
      .update(JSON.stringify([order.id, place]))
      .digest('hex');
    return {
      ...order,
      id: `${order.runId}-backlog-${hash.slice(0, 24)}`,
      task: { kind: 'given', task },
    };
  });
}
