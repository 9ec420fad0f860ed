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
