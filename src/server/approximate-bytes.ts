import type { Rollout } from '../contract/index.ts';
import type { Message } from '../messages.ts';

/** Roughly what a message holds in memory; texts count, the rest is a constant. */
export function messageBytes(message: Message): number {
  let bytes = 128;
  for (const part of message.content) {
    if (part.kind === 'text') bytes += part.text.length;
    else if (part.kind === 'image') bytes += part.uri.length;
    else bytes += part.json.length;
  }
  if (message.role === 'assistant') {
    bytes += message.reasoning?.length ?? 0;
    for (const call of message.toolCalls) {
      bytes += 64 + call.argumentsText.length + (call.argumentsJson?.length ?? 0);
    }
  }
  return bytes;
}

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
