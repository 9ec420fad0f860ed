export { type PlayAssignmentOptions, playAssignment } from './play-assignment.ts';
export type { LeasedWork, WorkPlane } from './work-plane.ts';
export { createWorker, type Worker, type WorkerOptions } from './worker.ts';
