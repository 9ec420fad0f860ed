/** Files that several processes might reach for at once, or that must outlive one. */
export { LockFile } from './lock-file.ts';
export { type ProcessStat, processStat } from './process-stat.ts';
export { replaceFile } from './replace-file.ts';
