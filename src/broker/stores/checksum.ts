import { setImmediate as turn } from 'node:timers/promises';
import { crc32 } from 'node:zlib';

/** A millisecond or two: no stretch that the event loop would feel. */
const STEP_BYTES = 2 * 2 ** 20;

/** CRC-32 of the chunks in a row, in steps between which others run. */
export async function checksum(chunks: readonly Uint8Array[]): Promise<number> {
  let crc = 0;
  let sinceTurn = 0;
  for (const chunk of chunks) {
    for (let from = 0; from < chunk.length; from += STEP_BYTES) {
      const step = chunk.subarray(from, from + STEP_BYTES);
      crc = crc32(step, crc);
      sinceTurn += step.length;
      if (sinceTurn < STEP_BYTES) continue;
      sinceTurn = 0;
      await turn();
    }
  }
  return crc;
}
