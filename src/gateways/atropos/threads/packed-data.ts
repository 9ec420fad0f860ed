import { deserialize, serialize } from 'node:v8';
import type { ScoredData } from '../scored-data.ts';
import type { PackedData } from './protocol.ts';

export function packData(data: ScoredData): PackedData {
  const bytes = serialize(data);
  const packed = new SharedArrayBuffer(bytes.length);
  new Uint8Array(packed).set(bytes);
  return packed;
}

/** Copied first: what is read of it are views, and shared memory is not taken everywhere. */
export function unpackData(data: PackedData): ScoredData {
  return deserialize(new Uint8Array(new Uint8Array(data))) as ScoredData;
}
