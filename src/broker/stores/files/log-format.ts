import { crc32 } from 'node:zlib';
import type { Citation, LoggedChange } from './logged-change.ts';

/*
 * A commit log is a file header and frames in a row:
 *   file header, 32 bytes: "LCHSLOG1", u32 number, u32 0, 16 bytes of the store's id
 *   frame header, 24 bytes: u32 magic, u8 kind, 3 zeros, u32 body length, u64 sequence,
 *     u32 CRC-32 of the 20 bytes before and the body
 *   the body: steps in a row, each a u8 and its fields
 * All integers are little-endian.
 */
export const LOG_HEADER_BYTES = 32;
export const FRAME_HEADER_BYTES = 24;

const FILE_MAGIC = Buffer.from('LCHSLOG1', 'latin1');
const FRAME_MAGIC = 0x474f4c4c;
const CRC_AT = 20;

/** A commit; a part of all that was there at some time since the file began; the word that all of it is written. */
export type FrameKind = 'commit' | 'snapshot' | 'complete';

const KINDS = ['commit', 'snapshot', 'complete'] as const;

export interface Frame {
  readonly kind: FrameKind;
  /** Of the last commit at that time. */
  readonly sequence: number;
  readonly change: LoggedChange;
}

export function logName(number: number): string {
  return `${String(number).padStart(8, '0')}.log`;
}

/** Undefined for the name of any other file. */
export function logNumber(name: string): number | undefined {
  const digits = /^(\d{8,})\.log$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

export function encodeLogHeader(number: number, storeId: Uint8Array): Buffer {
  const header = Buffer.alloc(LOG_HEADER_BYTES);
  FILE_MAGIC.copy(header);
  header.writeUInt32LE(number, 8);
  header.set(storeId, 16);
  return header;
}

export function isLogHeader(bytes: Uint8Array, number: number, storeId: Uint8Array): boolean {
  return encodeLogHeader(number, storeId).equals(bytes);
}

export function encodeFrame({ kind, sequence, change }: Frame): Buffer {
  const steps = [
    ...change.remove.map((key) => step(REMOVE, key)),
    ...change.put.flatMap(({ key, value }) => [step(PUT, key, value.length), value]),
    ...change.cites.map(citeStep),
    ...change.releases.map(({ segment, offset }) => placeStep(RELEASE, segment, offset)),
  ];
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  const frame = Buffer.concat([header, ...steps]);
  frame.writeUInt32LE(FRAME_MAGIC, 0);
  frame.writeUInt8(KINDS.indexOf(kind), 4);
  frame.writeUInt32LE(frame.length - FRAME_HEADER_BYTES, 8);
  frame.writeBigUInt64LE(BigInt(sequence), 12);
  frame.writeUInt32LE(frameCrc(frame), CRC_AT);
  return frame;
}

/** How long the frame is whose header these bytes are; undefined when they are no header. */
export function frameLength(header: Uint8Array): number | undefined {
  if (header.length < FRAME_HEADER_BYTES) return undefined;
  const view = Buffer.from(header.buffer, header.byteOffset, header.length);
  if (view.readUInt32LE(0) !== FRAME_MAGIC) return undefined;
  return FRAME_HEADER_BYTES + view.readUInt32LE(8);
}

/** Undefined for bytes that are no whole frame. */
export function decodeFrame(bytes: Uint8Array): Frame | undefined {
  if (frameLength(bytes) !== bytes.length) return undefined;
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const kind = KINDS[view.readUInt8(4)];
  if (kind === undefined || frameCrc(view) !== view.readUInt32LE(CRC_AT)) return undefined;
  return {
    kind,
    sequence: Number(view.readBigUInt64LE(12)),
    change: decodeSteps(view.subarray(FRAME_HEADER_BYTES)),
  };
}

function frameCrc(frame: Buffer): number {
  return crc32(frame.subarray(FRAME_HEADER_BYTES), crc32(frame.subarray(0, CRC_AT)));
}

const REMOVE = 1;
const PUT = 2;
const CITE = 3;
const RELEASE = 4;
/** A kind, a segment and an offset. */
const PLACE_BYTES = 1 + 4 + 8;

/** u8 kind, u16 key length, the key, and for a put the u32 length of the value that follows. */
function step(kind: number, key: string, valueLength?: number): Buffer {
  const keyBytes = Buffer.from(key);
  const bytes = Buffer.alloc(3 + keyBytes.length + (valueLength === undefined ? 0 : 4));
  bytes.writeUInt8(kind, 0);
  bytes.writeUInt16LE(keyBytes.length, 1);
  keyBytes.copy(bytes, 3);
  if (valueLength !== undefined) bytes.writeUInt32LE(valueLength, 3 + keyBytes.length);
  return bytes;
}

function placeStep(kind: number, segment: number, offset: number, more = 0): Buffer {
  const bytes = Buffer.alloc(PLACE_BYTES + more);
  bytes.writeUInt8(kind, 0);
  bytes.writeUInt32LE(segment, 1);
  bytes.writeBigUInt64LE(BigInt(offset), 5);
  return bytes;
}

/** The place, u32 length, u32 CRC, u16 label length, the label. */
function citeStep({ segment, offset, length, crc32: crc, label }: Citation): Buffer {
  const labelBytes = Buffer.from(label);
  const bytes = placeStep(CITE, segment, offset, 10 + labelBytes.length);
  bytes.writeUInt32LE(length, PLACE_BYTES);
  bytes.writeUInt32LE(crc, PLACE_BYTES + 4);
  bytes.writeUInt16LE(labelBytes.length, PLACE_BYTES + 8);
  labelBytes.copy(bytes, PLACE_BYTES + 10);
  return bytes;
}

/** Of a body whose CRC was right. */
function decodeSteps(body: Buffer): LoggedChange {
  const change = { put: [], remove: [], cites: [], releases: [] } as {
    -readonly [Part in keyof LoggedChange]: LoggedChange[Part][number][];
  };
  for (let at = 0; at < body.length; ) {
    const kind = body.readUInt8(at);
    if (kind === REMOVE || kind === PUT) {
      const keyEnd = at + 3 + body.readUInt16LE(at + 1);
      const key = body.toString('utf8', at + 3, keyEnd);
      at = keyEnd;
      if (kind === REMOVE) {
        change.remove.push(key);
        continue;
      }
      const valueEnd = keyEnd + 4 + body.readUInt32LE(keyEnd);
      change.put.push({ key, value: body.subarray(keyEnd + 4, valueEnd) });
      at = valueEnd;
      continue;
    }
    const segment = body.readUInt32LE(at + 1);
    const offset = Number(body.readBigUInt64LE(at + 5));
    at += PLACE_BYTES;
    if (kind === RELEASE) {
      change.releases.push({ segment, offset });
      continue;
    }
    const labelEnd = at + 10 + body.readUInt16LE(at + 8);
    const length = body.readUInt32LE(at);
    const crc = body.readUInt32LE(at + 4);
    const label = body.toString('utf8', at + 10, labelEnd);
    change.cites.push({ segment, offset, length, crc32: crc, label });
    at = labelEnd;
  }
  return change;
}
