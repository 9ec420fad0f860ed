export { type PlayAssignmentOptions, playAssignment } from './play-assignment.ts';
export { RemoteWorkPlane, type RemoteWorkPlaneOptions } from './remote-work-plane.ts';
export { type LinkState, ServerLink, type ServerLinkOptions } from './server-link.ts';
export type { LeasedWork, WorkPlane } from './work-plane.ts';
export { createWorker, type Worker, type WorkerOptions } from './worker.ts';
