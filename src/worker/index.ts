export { type PlayAssignmentOptions, playAssignment } from './play-assignment.ts';
export { isTransient, type Verdict, verdictOfGroup } from './verdict.ts';
export type { LeasedWork, PlayPolicy, WorkPlane } from './work-plane.ts';
export { createWorker, type Worker, type WorkerOptions } from './worker.ts';
