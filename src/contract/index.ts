export type { Assignment } from './assignment.ts';
export type {
  Group,
  Outcome,
  Provenance,
  RewardComponent,
  Rollout,
  RolloutFailure,
  RolloutProgress,
} from './rollout.ts';
export type { Task } from './task.ts';
