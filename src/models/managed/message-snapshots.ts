import type { AssistantMessage, ContentPart, Message, ToolCall } from '../../messages.ts';

/**
 * What was asked, as it was: callers go on writing in their own lists and messages while a call is under
 * way, and edit them between calls. The same object says the same as long as it is unchanged, so
 * histories that are handed back every turn are compared and not copied again.
 */
export class MessageSnapshots {
  readonly #taken = new WeakMap<Message, Message>();
  /** The last list, and what was taken of it: most lists are the one before, and more. */
  #last: { readonly given: readonly Message[]; readonly taken: readonly Message[] } = {
    given: [],
    taken: [],
  };

  /** An answer of the session's own: it is frozen, and known by its identity. */
  own(message: AssistantMessage): void {
    this.#taken.set(message, message);
  }

  of(messages: readonly Message[]): readonly Message[] {
    const { given, taken } = this.#last;
    const all = messages.map((message, at) =>
      this.#of(message, given[at] === message ? taken[at] : this.#taken.get(message)),
    );
    this.#last = { given: [...messages], taken: all };
    return all;
  }

  #of(message: Message, taken: Message | undefined): Message {
    if (taken === message || (taken !== undefined && isAsTaken(message, taken))) return taken;
    const snapshot = copyOf(message);
    this.#taken.set(message, snapshot);
    return snapshot;
  }
}

function copyOf(message: Message): Message {
  // A part holds nothing but texts.
  const content = message.content.map((part) => ({ ...part }));
  if (message.role !== 'assistant') return { ...message, content };
  return { ...message, content, toolCalls: message.toolCalls.map((call) => ({ ...call })) };
}

/** Field by field: it is asked of every message of every prompt. */
function isAsTaken(message: Message, taken: Message): boolean {
  if (!isSameContent(message.content, taken.content)) return false;
  if (message.role === 'assistant') {
    return (
      taken.role === 'assistant' &&
      message.reasoning === taken.reasoning &&
      message.toolCalls.length === taken.toolCalls.length &&
      message.toolCalls.every((call, at) => isSameCall(call, taken.toolCalls[at]!))
    );
  }
  if (message.role !== 'tool') return message.role === taken.role;
  return (
    taken.role === 'tool' &&
    message.toolCallId === taken.toolCallId &&
    message.toolName === taken.toolName
  );
}

function isSameContent(content: readonly ContentPart[], taken: readonly ContentPart[]): boolean {
  if (content.length !== taken.length) return false;
  for (let at = 0; at < content.length; at++) {
    const [part, before] = [content[at]!, taken[at]!];
    if (part.kind === 'text') {
      if (before.kind !== 'text' || part.text !== before.text) return false;
    } else if (JSON.stringify(part) !== JSON.stringify(before)) return false;
  }
  return true;
}

function isSameCall(call: ToolCall, taken: ToolCall): boolean {
  return (
    call.id === taken.id &&
    call.name === taken.name &&
    call.argumentsText === taken.argumentsText &&
    call.argumentsJson === taken.argumentsJson
  );
}
