import { type ContentPart, isJsonObject, type Message, type ToolCall } from '../../messages.ts';

/** A message as the OpenAI chat API and most trainers' `messages` column have it. */
export interface ChatMessage {
  readonly role: Message['role'];
  readonly content: string | readonly ChatPart[];
  readonly reasoning_content?: string;
  readonly tool_calls?: readonly {
    readonly id: string;
    readonly type: 'function';
    readonly function: { readonly name: string; readonly arguments: string };
  }[];
  readonly tool_call_id?: string;
  readonly name?: string;
}

type ChatPart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'image_url'; readonly image_url: { readonly url: string } };

export function chatMessage(message: Message): ChatMessage {
  const base = { role: message.role, content: chatContent(message.content) };
  switch (message.role) {
    case 'system':
    case 'user':
      return base;
    case 'tool':
      return { ...base, tool_call_id: message.toolCallId, name: message.toolName };
    case 'assistant':
      return {
        ...base,
        ...(message.reasoning === undefined ? {} : { reasoning_content: message.reasoning }),
        ...(message.toolCalls.length === 0
          ? {}
          : {
              tool_calls: message.toolCalls.map((call) => ({
                id: call.id,
                type: 'function' as const,
                function: { name: call.name, arguments: argumentsOf(call) },
              })),
            }),
      };
  }
}

/** The model's own text where it is a JSON object, as chat templates need; else what it was read as. */
export function argumentsOf(call: ToolCall): string {
  try {
    if (isJsonObject(JSON.parse(call.argumentsText))) return call.argumentsText;
  } catch {
    // Not JSON.
  }
  return call.argumentsJson ?? call.argumentsText;
}

/** Text where there is nothing else, as most templates want it. Opaque parts have no chat shape. */
function chatContent(content: readonly ContentPart[]): ChatMessage['content'] {
  if (content.every(({ kind }) => kind !== 'image')) {
    return content.map((part) => (part.kind === 'text' ? part.text : '')).join('');
  }
  return content.flatMap((part): ChatPart[] => {
    switch (part.kind) {
      case 'text':
        return [{ type: 'text', text: part.text }];
      case 'image':
        return [{ type: 'image_url', image_url: { url: part.uri } }];
      case 'opaque':
        return [];
    }
  });
}
