export { JobPool } from './job-pool.ts';
export { unpackData } from './packed-data.ts';
export { ownBytes, type PackedGroup } from './protocol.ts';
