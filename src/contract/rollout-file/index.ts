export { readRolloutLine } from './read.ts';
export { ROLLOUT_FILE_SCHEMA, type RolloutLine } from './schema.ts';
export { writeRolloutLine } from './write.ts';
