export { batchDigest } from './batch-digest.ts';
export { ChunkAssembler, chunksOf } from './chunks.ts';
export { decodePayload, encodePayload, type PayloadCodec } from './codec.ts';
export {
  assertFinite,
  concatBytes,
  decodeFloat32,
  decodeInt32,
  encodeFloat32,
  encodeInt32,
} from './columns.ts';
export { sameDigest, sha256 } from './digest.ts';
export { WIRE_LIMITS } from './limits.ts';
export { chunksOfParts, type PartChunk, PartsAssembler } from './parts.ts';
