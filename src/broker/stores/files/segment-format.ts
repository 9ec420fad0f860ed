import { crc32 } from 'node:zlib';

/*
 * A segment is a file header and records in a row:
 *   file header, 32 bytes: "LCHSSEG1", u32 number, u32 0, 16 bytes of the store's id
 *   record header, 24 bytes: u32 magic, u8 kind, u8 0, u16 label length, u32 payload length,
 *     u32 CRC-32 of the payload, u32 0, u32 CRC-32 of the 20 bytes before and the label
 *   the label, then the payload
 * All integers are little-endian.
 */
export const SEGMENT_HEADER_BYTES = 32;
export const RECORD_HEADER_BYTES = 24;

const FILE_MAGIC = Buffer.from('LCHSSEG1', 'latin1');
const RECORD_MAGIC = 0x4352484c;
const PAYLOAD_KIND = 1;
const HEADER_CRC_AT = 20;

export interface RecordHeader {
  readonly labelLength: number;
  readonly payloadLength: number;
  readonly payloadCrc32: number;
  readonly headerCrc32: number;
}

export function segmentName(number: number): string {
  return `${String(number).padStart(8, '0')}.seg`;
}

/** Undefined for the name of any other file. */
export function segmentNumber(name: string): number | undefined {
  const digits = /^(\d{8,})\.seg$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

export function encodeSegmentHeader(number: number, storeId: Uint8Array): Buffer {
  const header = Buffer.alloc(SEGMENT_HEADER_BYTES);
  FILE_MAGIC.copy(header);
  header.writeUInt32LE(number, 8);
  header.set(storeId, 16);
  return header;
}

export function isSegmentHeader(bytes: Uint8Array, number: number, storeId: Uint8Array): boolean {
  return encodeSegmentHeader(number, storeId).equals(bytes);
}

/** The header and the label; the payload follows. */
export function encodeRecordHead(
  label: string,
  payload: { readonly length: number; readonly crc32: number },
): Buffer {
  const labelBytes = Buffer.from(label);
  const head = Buffer.alloc(RECORD_HEADER_BYTES + labelBytes.length);
  head.writeUInt32LE(RECORD_MAGIC, 0);
  head.writeUInt8(PAYLOAD_KIND, 4);
  head.writeUInt16LE(labelBytes.length, 6);
  head.writeUInt32LE(payload.length, 8);
  head.writeUInt32LE(payload.crc32, 12);
  labelBytes.copy(head, RECORD_HEADER_BYTES);
  head.writeUInt32LE(headerCrc(head), HEADER_CRC_AT);
  return head;
}

/** The bytes from a record's start on, at least its header and label. Undefined for anything else. */
export function decodeRecordHead(
  bytes: Uint8Array,
): (RecordHeader & { readonly label: string }) | undefined {
  if (bytes.length < RECORD_HEADER_BYTES) return undefined;
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.readUInt32LE(0) !== RECORD_MAGIC || view.readUInt8(4) !== PAYLOAD_KIND) return undefined;
  const labelLength = view.readUInt16LE(6);
  const end = RECORD_HEADER_BYTES + labelLength;
  if (bytes.length < end) return undefined;
  const headerCrc32 = view.readUInt32LE(HEADER_CRC_AT);
  if (headerCrc(view.subarray(0, end)) !== headerCrc32) return undefined;
  return {
    label: view.toString('utf8', RECORD_HEADER_BYTES, end),
    labelLength,
    payloadLength: view.readUInt32LE(8),
    payloadCrc32: view.readUInt32LE(12),
    headerCrc32,
  };
}

function headerCrc(head: Buffer): number {
  return crc32(head.subarray(RECORD_HEADER_BYTES), crc32(head.subarray(0, HEADER_CRC_AT)));
}
