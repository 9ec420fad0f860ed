import { setImmediate as turn } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { MAX_KEY_BYTES } from '../limits.ts';
import { decodeRecordHead, RECORD_HEADER_BYTES } from './segment-format.ts';
import { type Readable, windowOn } from './window.ts';

/** A record as it lies in its segment. */
export interface WalkedRecord {
  readonly label: string;
  /** Of the payload. */
  readonly offset: number;
  readonly length: number;
  /** What its header says of the payload. */
  readonly crc32: number;
  /** Where the next record begins. */
  readonly end: number;
}

const HEAD_BYTES = RECORD_HEADER_BYTES + MAX_KEY_BYTES;
const STEP_BYTES = 2 ** 20;

/** The record that begins at `at`; undefined when no whole one does before `size`. Payloads are not read. */
export async function recordAt(
  file: Readable,
  at: number,
  size: number,
): Promise<WalkedRecord | undefined> {
  const head = decodeRecordHead(await file.read(Math.max(0, Math.min(HEAD_BYTES, size - at)), at));
  if (head === undefined) return undefined;
  const offset = at + RECORD_HEADER_BYTES + head.labelLength;
  const end = offset + head.payloadLength;
  if (end > size) return undefined;
  const { label, payloadLength: length, payloadCrc32 } = head;
  return { label, offset, length, crc32: payloadCrc32, end };
}

/** Whether those bytes of the file have that CRC; read a piece at a time. */
export async function hasChecksum(
  file: Readable,
  payload: { readonly offset: number; readonly length: number; readonly crc32: number },
): Promise<boolean> {
  let crc = 0;
  for (let done = 0; done < payload.length; done += STEP_BYTES) {
    const wanted = Math.min(STEP_BYTES, payload.length - done);
    const piece = await file.read(wanted, payload.offset + done);
    if (piece.length < wanted) return false;
    crc = crc32(piece, crc);
    if (wanted === STEP_BYTES) await turn();
  }
  return crc === payload.crc32;
}

/** Where the whole records from `from` on end: the rest of the file was not written to its end. */
export async function endOfWholeRecords(
  file: Readable,
  from: number,
  size: number,
): Promise<number> {
  const window = windowOn(file);
  let end = from;
  for (;;) {
    const record = await recordAt(window, end, size);
    if (record === undefined || !(await hasChecksum(window, record))) return end;
    end = record.end;
  }
}
