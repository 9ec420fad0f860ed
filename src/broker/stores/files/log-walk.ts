import type { StoreFile } from './file-system.ts';
import { decodeFrame, FRAME_HEADER_BYTES, type Frame, frameLength } from './log-format.ts';

export interface WalkedFrame {
  readonly frame: Frame;
  /** Where the next one begins. */
  readonly end: number;
}

/** The whole frames of a log file between `from` and `until`, to the first that is none. */
export async function* walkFrames(
  file: StoreFile,
  { from, until }: { readonly from: number; readonly until: number },
): AsyncGenerator<WalkedFrame> {
  for (let at = from; ; ) {
    const length = frameLength(await file.read(FRAME_HEADER_BYTES, at));
    if (length === undefined || at + length > until) return;
    const frame = decodeFrame(await file.read(length, at));
    if (frame === undefined) return;
    at += length;
    yield { frame, end: at };
  }
}
