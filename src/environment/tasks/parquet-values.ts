import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import type { Compressors } from 'hyparquet';
import type { JsonValue } from '../../messages.ts';

/** Node's own decompressors; a page can't become larger than its header says. Snappy is hyparquet's. */
export const parquetCompressors: Compressors = Object.freeze({
  GZIP: (bytes: Uint8Array, length: number) => gunzipSync(bytes, bounded(length)),
  ZSTD: (bytes: Uint8Array, length: number) => zstdDecompressSync(bytes, bounded(length)),
  BROTLI: (bytes: Uint8Array, length: number) => brotliDecompressSync(bytes, bounded(length)),
});

function bounded(length: number): { readonly maxOutputLength: number } {
  return { maxOutputLength: Math.max(1, length) };
}

/** A cell as JSON: what JSON has no word for becomes text, and numbers that are none become null. */
export function parquetJson(value: unknown): JsonValue {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) ? value : null;
    case 'bigint':
      return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
    case 'object':
      return value === null ? null : jsonOfObject(value);
    default:
      return null;
  }
}

function jsonOfObject(value: object): JsonValue {
  if (value instanceof Date) {
    return Number.isNaN(value.getTime()) ? null : value.toISOString();
  }
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (Array.isArray(value)) return value.map(parquetJson);
  if (ArrayBuffer.isView(value)) {
    return Array.from(value as unknown as ArrayLike<number | bigint>, parquetJson);
  }
  return Object.fromEntries(Object.entries(value).map(([name, cell]) => [name, parquetJson(cell)]));
}
