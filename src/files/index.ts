/** Files that several processes might reach for at once. */
export { LockFile } from './lock-file.ts';
