import type { CapturedOutput } from '../contract/command.ts';
import { outputBytes } from './output-capture.ts';

const decoder = new TextDecoder();

/**
 * A stream as text. Where bytes are left out, both sides end on whole characters and a line between them says
 * how many are missing; bytes that are no UTF-8 become U+FFFD.
 */
export function outputText(output: CapturedOutput): string {
  if (output.omittedBytes === 0) return decoder.decode(outputBytes(output));
  const head = withoutCutEnd(output.head);
  const tail = withoutCutStart(output.tail);
  const omitted = output.totalBytes - head.length - tail.length;
  return `${decoder.decode(head)}\n[... ${omitted} bytes of output left out ...]\n${decoder.decode(tail)}`;
}

/** Drops the first bytes of a character whose last ones are cut off. */
function withoutCutEnd(bytes: Uint8Array): Uint8Array {
  for (let back = 1; back <= Math.min(4, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return needed > back ? bytes.subarray(0, bytes.length - back) : bytes;
  }
  return bytes;
}

/** Drops the last bytes of a character whose first ones are cut off. */
function withoutCutStart(bytes: Uint8Array): Uint8Array {
  let start = 0;
  while (start < Math.min(3, bytes.length) && ((bytes[start] ?? 0) & 0xc0) === 0x80) start++;
  return bytes.subarray(start);
}
