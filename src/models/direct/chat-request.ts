import { invalidInput } from '../../errors.ts';
import {
  type ContentPart,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  type Message,
  textOf,
} from '../../messages.ts';
import type { CompletionRequest } from '../model-server.ts';

/** How a request is spelled for a server; see DirectServerOptions. */
export interface ChatDialect {
  readonly model: string;
  readonly reasoningField: 'reasoning_content' | 'reasoning' | undefined;
  readonly maxTokensField: 'max_tokens' | 'max_completion_tokens';
}

/** The body of `POST /chat/completions`. Extra sampling fields pass through, but override nothing of ours. */
export function chatRequestBody(request: CompletionRequest, dialect: ChatDialect): JsonObject {
  const { sampling, tools } = request;
  const { stream: _, ...extra } = sampling.extra ?? {};
  return {
    ...extra,
    model: dialect.model,
    messages: request.messages.map((message) => chatMessage(message, dialect)),
    ...(tools.length > 0 && {
      tools: tools.map(({ name, description, parameters }) => ({
        type: 'function',
        function: { name, description, parameters },
      })),
      ...(request.toolChoice !== undefined && { tool_choice: request.toolChoice }),
    }),
    ...given('temperature', sampling.temperature),
    ...given('top_p', sampling.topP),
    ...given('top_k', sampling.topK),
    ...given(dialect.maxTokensField, sampling.maxTokens),
    ...given('stop', sampling.stop),
    ...given('stop_token_ids', sampling.stopTokenIds),
    ...given('seed', sampling.seed),
  };
}

function chatMessage(message: Message, dialect: ChatDialect): JsonObject {
  switch (message.role) {
    case 'system':
    case 'user':
      return { role: message.role, content: chatContent(message.content) };
    case 'tool':
      return {
        role: 'tool',
        tool_call_id: message.toolCallId,
        content: chatContent(message.content),
      };
    case 'assistant': {
      const calls = message.toolCalls.map(({ id, name, argumentsText }) => ({
        id,
        type: 'function',
        // The model's own text, so that it reads what it wrote.
        function: { name, arguments: argumentsText },
      }));
      const text = textOf(message);
      return {
        role: 'assistant',
        content: calls.length > 0 && text === '' ? null : text,
        ...(calls.length > 0 && { tool_calls: calls }),
        ...(dialect.reasoningField !== undefined &&
          message.reasoning !== undefined && { [dialect.reasoningField]: message.reasoning }),
      };
    }
  }
}

/** Plain text stays a string: many servers take parts only where an image needs them. */
function chatContent(parts: readonly ContentPart[]): JsonValue {
  if (parts.every((part) => part.kind === 'text')) return parts.map((part) => part.text).join('');
  return parts.map((part): JsonObject => {
    switch (part.kind) {
      case 'text':
        return { type: 'text', text: part.text };
      case 'image':
        return { type: 'image_url', image_url: { url: part.uri } };
      case 'opaque':
        return { ...parseObject(part.json), type: part.type };
    }
  });
}

function parseObject(json: string): JsonObject {
  try {
    const value: unknown = JSON.parse(json);
    if (isJsonObject(value)) return value;
  } catch {
    // Falls through to the same error.
  }
  throw invalidInput(
    'messages.content.json',
    `${JSON.stringify(json.slice(0, 80))} is no JSON object.`,
  );
}

function given(field: string, value: JsonValue | undefined): JsonObject {
  return value === undefined ? {} : { [field]: value };
}
