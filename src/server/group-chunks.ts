import type { GroupChunk } from '../../gen/lachesis/v1/group_pb.ts';
import type { StoredGroup } from '../broker/index.ts';
import { chunksOfParts, WIRE_LIMITS } from '../wire/index.ts';

/** The bytes of some of a group's parts (default: all), as they were submitted. */
export function* chunksOfGroup(
  group: StoredGroup,
  wanted?: (partIndex: number) => boolean,
): Generator<GroupChunk> {
  for (const chunk of chunksOfParts(group.parts, WIRE_LIMITS.maxChunkBytes, wanted)) {
    yield { $typeName: 'lachesis.v1.GroupChunk', ...chunk, offset: BigInt(chunk.offset) };
  }
}
