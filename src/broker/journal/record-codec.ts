import { LachesisError } from '../../errors.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });
const LENGTH_BYTES = 4;

/** A record: the length of its JSON (uint32, little-endian), the JSON, and bytes that are kept as they are. */
export function encodeRecord(json: unknown, bytes: Uint8Array = new Uint8Array(0)): Uint8Array {
  const text = encoder.encode(JSON.stringify(json));
  const record = new Uint8Array(LENGTH_BYTES + text.length + bytes.length);
  new DataView(record.buffer).setUint32(0, text.length, true);
  record.set(text, LENGTH_BYTES);
  record.set(bytes, LENGTH_BYTES + text.length);
  return record;
}

/** Throws infrastructure_error for what is no record. The bytes are a view. */
export function decodeRecord(
  key: string,
  record: Uint8Array,
): { readonly json: unknown; readonly bytes: Uint8Array } {
  try {
    const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
    const end = LENGTH_BYTES + view.getUint32(0, true);
    if (end > record.length) throw new RangeError('it is cut off');
    const json: unknown = JSON.parse(decoder.decode(record.subarray(LENGTH_BYTES, end)));
    return { json, bytes: record.subarray(end) };
  } catch (cause) {
    throw new LachesisError('infrastructure_error', `The store's record ${key} can't be read.`, {
      reason: 'STORE_RECORD_BROKEN',
      remedy: 'Run `lachesis store fsck` on the store.',
      cause,
    });
  }
}
