import { type EncodedGroup, encodeGroup, NO_RUN_POLICY } from '../../src/contract/index.ts';
import { sampleGroup } from './sample-group.ts';

export const GROUP_SHAPE = Object.freeze({ rollouts: 8, tokens: 2_048, promptTokens: 512 });

export const GROUPS_PER_BATCH = 16;

/** Of the raw streams: the bytes of one of our groups, which travel as one chunk. */
export const CHUNK_BYTES = 119_000;

export const BENCH_TOKEN = 'a-token-for-benchmarks-only';

/** One turn of a contestant in one direction. */
export interface StreamOrder {
  readonly address: string;
  /** Names the run of this turn; a download takes what the upload of the same turn left. */
  readonly turn: string;
  readonly groups: number;
}

export interface Streamed {
  readonly bytes: number;
  readonly seconds: number;
  readonly cpuMicros: number;
}

/** How much a raw stream sends for so many groups. */
export function chunksOfGroups(groups: number): number {
  return groups;
}

/** The same group again and again under ids of its own; encoding it is not what is measured. */
export function groupSource(
  runId: string,
): (index: number) => Pick<EncodedGroup, 'header' | 'parts'> {
  const group = sampleGroup({ id: 'group', runId, ...GROUP_SHAPE });
  const result = encodeGroup(group, { policy: NO_RUN_POLICY });
  if (result.kind !== 'kept') throw new Error('the sample group was dropped');
  const { header, parts } = result.encoded;
  return (index) => ({ header: { ...header, groupId: `group-${index}` }, parts });
}
