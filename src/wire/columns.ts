import { endianness } from 'node:os';
import { invalidInput } from '../errors.ts';

/**
 * Token columns: typed arrays <-> little-endian bytes. Both directions are views where the machine
 * allows it, since a column is most of a payload. Whoever keeps a view keeps its whole buffer.
 */
const littleEndian = endianness() === 'LE';

/** The bytes of int32 values: a view of an Int32Array's own memory on little-endian machines. */
export function encodeInt32(values: Int32Array | readonly number[]): Uint8Array<ArrayBuffer> {
  return encode(values instanceof Int32Array ? values : Int32Array.from(values));
}

/** The bytes of float32 values: a view of a Float32Array's own memory on little-endian machines. */
export function encodeFloat32(values: Float32Array | readonly number[]): Uint8Array<ArrayBuffer> {
  return encode(values instanceof Float32Array ? values : Float32Array.from(values));
}

/** Int32 values of little-endian bytes: a view when aligned, else a copy. Throws when no multiple of 4. */
export function decodeInt32(bytes: Uint8Array, field: string): Int32Array {
  const { buffer, offset, length } = aligned(bytes, field);
  return new Int32Array(buffer, offset, length);
}

/** Float32 values of little-endian bytes: a view when aligned, else a copy. Throws when no multiple of 4. */
export function decodeFloat32(bytes: Uint8Array, field: string): Float32Array {
  const { buffer, offset, length } = aligned(bytes, field);
  return new Float32Array(buffer, offset, length);
}

/** Throws, naming the first element, when a value is NaN or infinite. */
export function assertFinite(values: Float32Array, field: string): void {
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) {
      throw invalidInput(`${field}[${i}]`, `is ${values[i]}; every number here must be finite.`, {
        reason: 'NON_FINITE_NUMBER',
      });
    }
  }
}

/** One buffer with the bytes of all parts in order. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

function encode(values: Int32Array | Float32Array): Uint8Array<ArrayBuffer> {
  // Typed arrays over a SharedArrayBuffer must not be lent to a socket, so those are copied too.
  if (littleEndian && values.buffer instanceof ArrayBuffer) {
    return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  }
  const bytes = new Uint8Array(values.byteLength);
  bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  return littleEndian ? bytes : swap32(bytes);
}

function aligned(
  bytes: Uint8Array,
  field: string,
): { buffer: ArrayBufferLike; offset: number; length: number } {
  if (bytes.length % 4 !== 0) {
    throw invalidInput(field, `holds ${bytes.length} bytes, which is no multiple of 4.`, {
      reason: 'TOKEN_COLUMN_LENGTH',
    });
  }
  const length = bytes.length / 4;
  if (littleEndian && bytes.byteOffset % 4 === 0) {
    return { buffer: bytes.buffer, offset: bytes.byteOffset, length };
  }
  // Not `slice`: a Buffer's is a view of a pool that it shares with others.
  const copy = new Uint8Array(bytes);
  return { buffer: (littleEndian ? copy : swap32(copy)).buffer, offset: 0, length };
}

function swap32<Bytes extends Uint8Array>(bytes: Bytes): Bytes {
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).swap32();
  return bytes;
}
