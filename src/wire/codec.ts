import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { errorMessage, invalidInput } from '../errors.ts';

/** How a payload's bytes are encoded. Token columns barely compress, so `raw` is the default everywhere. */
export type PayloadCodec = 'raw' | 'zstd';

/** Encodes a payload; `zstd` at level 1, which is as small as level 3 on token columns and twice as fast. */
export function encodePayload(codec: PayloadCodec, bytes: Uint8Array): Uint8Array {
  switch (codec) {
    case 'raw':
      return bytes;
    case 'zstd':
      return plain(zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 1 } }));
  }
}

/** Decodes a payload; refuses one that would decode to more than `maxBytes`, whatever it declares. */
export function decodePayload(
  codec: PayloadCodec,
  bytes: Uint8Array,
  maxBytes: number,
  field = 'payload',
): Uint8Array {
  switch (codec) {
    case 'raw':
      return bytes;
    case 'zstd':
      try {
        return plain(zstdDecompressSync(bytes, { maxOutputLength: maxBytes }));
      } catch (error) {
        throw invalidInput(
          field,
          `is no zstd frame of at most ${maxBytes} bytes: ${errorMessage(error)}.`,
          {
            reason: 'PAYLOAD_CODEC',
            cause: error,
          },
        );
      }
  }
}

/** The same bytes as a plain array: methods of a Buffer differ in ways that surprise (`slice` shares). */
function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
