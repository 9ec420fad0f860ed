import { decodeFrame, FRAME_HEADER_BYTES, type Frame, frameLength } from './log-format.ts';
import { type Readable, windowOn } from './window.ts';

export interface WalkedFrame {
  readonly frame: Frame;
  /** Where the next one begins. */
  readonly end: number;
}

/** The whole frames of a log file between `from` and `until`, to the first that is none. */
export async function* walkFrames(
  file: Readable,
  { from, until }: { readonly from: number; readonly until: number },
): AsyncGenerator<WalkedFrame> {
  const window = windowOn(file);
  for (let at = from; ; ) {
    const length = frameLength(await window.read(FRAME_HEADER_BYTES, at));
    if (length === undefined || at + length > until) return;
    const frame = decodeFrame(await window.read(length, at));
    if (frame === undefined) return;
    at += length;
    yield { frame, end: at };
  }
}
