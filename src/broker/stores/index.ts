/** What a broker keeps so that it outlives its process, and the drivers that keep it. */

export type { FilesStore } from './files/files-store.ts';
export { openFilesStore } from './files/open.ts';
export type { FilesStoreOptions } from './files/options.ts';
export { createMemoryStore, type MemoryStoreOptions } from './memory-store.ts';
export type * from './store.ts';
