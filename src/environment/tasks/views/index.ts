export { concatTasks } from './concat.ts';
export { filterTasks } from './filter.ts';
export { mapTasks } from './map.ts';
export { type MixtureOptions, type MixturePart, mixture } from './mixture.ts';
export type { TaskPart } from './parts.ts';
export { shuffleTasks } from './shuffle.ts';
export { skipTasks, takeTasks } from './slice.ts';
export type { TasksLike } from './source-of.ts';
export { assignSplits, type SplitShares, splitTasks } from './split.ts';
