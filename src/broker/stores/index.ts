/** What a broker keeps so that it outlives its process, and the drivers that keep it. */
export { checkStore, type StoreCheck, type StoreProblem } from './files/check-store.ts';
export type { FilesStore } from './files/files-store.ts';
export { openFilesStore } from './files/open.ts';
export type { StoreRecovery } from './files/open-segments.ts';
export type { FilesStoreOptions } from './files/options.ts';
export { reindexStore, type StoreReindex } from './files/reindex-store.ts';
export { removeStore } from './files/remove-store.ts';
export { collectStore, readStoreFigures, type StoreFigures } from './files/store-figures.ts';
export { createMemoryStore, type MemoryStoreOptions } from './memory-store.ts';
export { isPayloadLost } from './refusals.ts';
export type * from './store.ts';
