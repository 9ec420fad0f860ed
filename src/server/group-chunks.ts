import type { GroupChunk } from '../../gen/lachesis/v1/group_pb.ts';
import type { StoredGroup } from '../broker/index.ts';
import { chunksOfParts, WIRE_LIMITS } from '../wire/index.ts';

/** The bytes of some of a group's parts (default: all), as they were submitted. */
export async function* chunksOfGroup(
  { payload }: StoredGroup,
  options: { readonly wanted?: (partIndex: number) => boolean; readonly signal: AbortSignal },
): AsyncGenerator<GroupChunk> {
  const parts = await payload.parts(options);
  for (const chunk of chunksOfParts(parts, WIRE_LIMITS.maxChunkBytes, options.wanted)) {
    yield { $typeName: 'lachesis.v1.GroupChunk', ...chunk, offset: BigInt(chunk.offset) };
  }
}
