import type { AssistantMessage, Message } from '../../messages.ts';
import { textOf } from '../../messages.ts';

/**
 * Whether two messages say the same to a model: equal in role, content, reasoning and calls. Text
 * that is split into other parts is the same text. The ids and the `argumentsJson` of an assistant's
 * calls are not its own words, and an agent may set them.
 */
export function sameMessage(a: Message, b: Message): boolean {
  return a === b || (a.role === b.role && messageKey(a) === messageKey(b));
}

/** Equal for messages that are the same. */
export function messageKey(message: Message): string {
  const others = message.content.filter((part) => part.kind !== 'text');
  const content = others.length === 0 ? textOf(message) : message.content;
  switch (message.role) {
    case 'system':
    case 'user':
      return JSON.stringify([message.role, content]);
    case 'tool':
      return JSON.stringify(['tool', content, message.toolCallId, message.toolName]);
    case 'assistant':
      return JSON.stringify([
        'assistant',
        content,
        message.reasoning ?? '',
        message.toolCalls.map(({ name, argumentsText }) => [name, argumentsText]),
      ]);
  }
}

/** The ids behind the messages that a session gave out, found again by identity or by equality. */
export class SampledMessages {
  readonly #byMessage = new Map<AssistantMessage, Int32Array>();
  readonly #byKey = new Map<string, Int32Array>();

  add(message: AssistantMessage, tokenIds: Int32Array): void {
    this.#byMessage.set(message, tokenIds);
    // Of two samples with the same text the later one is what a caller most likely echoes.
    this.#byKey.set(messageKey(message), tokenIds);
  }

  find(message: AssistantMessage): Int32Array | undefined {
    return this.#byMessage.get(message) ?? this.#byKey.get(messageKey(message));
  }
}
