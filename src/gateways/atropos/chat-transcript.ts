import type { JsonObject, JsonValue, Message, ToolCall } from '../../messages.ts';
import { isJsonObject, textContent } from '../../messages.ts';

/**
 * Atropos' free-form messages as a transcript, for those who read the group over gRPC. It is a reading
 * and no more: what it leaves out is in the kept text.
 */
export function transcriptOf(messages: readonly JsonObject[]): readonly Message[] {
  return messages.map((message): Message => {
    const content = textContent(textOfContent(message['content']));
    switch (message['role']) {
      case 'system':
        return { role: 'system', content };
      case 'assistant':
        return { role: 'assistant', content, toolCalls: toolCallsOf(message['tool_calls']) };
      case 'tool': {
        const toolCallId = stringOf(message['tool_call_id']);
        return { role: 'tool', content, toolCallId, toolName: stringOf(message['name']) };
      }
      default:
        return { role: 'user', content };
    }
  });
}

function textOfContent(content: JsonValue | undefined): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content
    .map((part: JsonValue) => (isJsonObject(part) ? stringOf(part['text']) : ''))
    .join('');
}

function toolCallsOf(value: JsonValue | undefined): readonly ToolCall[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((call: JsonValue): ToolCall[] => {
    const target = isJsonObject(call) ? call['function'] : undefined;
    if (!isJsonObject(call) || !isJsonObject(target)) return [];
    const { name, arguments: given } = target as { name?: JsonValue; arguments?: JsonValue };
    const argumentsText = typeof given === 'string' ? given : JSON.stringify(given ?? {});
    return [{ id: stringOf(call['id']), name: stringOf(name), argumentsText }];
  });
}

function stringOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}
