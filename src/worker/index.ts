export type { LeasedWork, PlayPolicy, WorkPlane } from './work-plane.ts';
