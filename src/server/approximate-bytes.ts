import { messageBytes, type Rollout } from '../contract/index.ts';

/** Roughly what a rollout holds in memory: its texts and token columns. */
export function approximateBytes(rollout: Rollout): number {
  let bytes = 1_024;
  for (const message of rollout.result.messages) bytes += messageBytes(message);
  for (const segment of rollout.segments) {
    bytes += 256 + segment.tokenIds.byteLength + (segment.logprobs?.byteLength ?? 0);
    bytes += segment.spans.length * 64;
    for (const column of segment.columns) bytes += column.data.byteLength;
  }
  return bytes;
}
