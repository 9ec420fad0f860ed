import { createHash } from 'node:crypto';
import { invalidInput } from '../../errors.ts';
import type { AssistantMessage, Message, ToolCall, ToolDefinition } from '../../messages.ts';
import { textOf } from '../../messages.ts';
import { readJsonFor } from './json-spelling.ts';
import type { KeptEdges, TextMarks, TextOwner } from './marked-text.ts';

/** What a template wants its messages to look like; found by trying. */
export interface MessageShape {
  /** The field that it reads reasoning from; `inline`: none, so it stands in the content. */
  readonly reasoning: 'reasoning_content' | 'reasoning' | 'thinking' | 'inline';
  /** Whether it writes the text of arguments as it is, or an object by `tojson`. */
  readonly callArguments: 'text' | 'object';
  /** Content of a message that only calls tools: some templates look for none. */
  readonly callContent: '' | null;
  /** Ids of calls: as they are, or nine letters and digits made of them. */
  readonly callIds: 'as_given' | 'nine_letters';
  /** The white space at the ends of contents that it writes, by role. */
  readonly edges: Readonly<Record<Message['role'], KeptEdges>>;
}

export interface MessageOptions {
  readonly shape: MessageShape;
  readonly marks: TextMarks;
  /** The message's index in what the caller gave. */
  readonly index: number;
}

/** A message as templates read it, its texts marked. */
export function templateMessage(
  message: Message,
  options: MessageOptions,
): Record<string, unknown> {
  const { shape, marks, index } = options;
  const odd = message.content.find((part) => part.kind !== 'text');
  if (odd !== undefined) {
    throw invalidInput(`messages[${index}].content`, `holds a part of kind ${odd.kind}.`, {
      reason: 'UNSUPPORTED_CONTENT',
      remedy: 'Chat templates are given text only.',
    });
  }
  const { role } = message;
  switch (role) {
    case 'system':
    case 'user': {
      const owner: TextOwner = { origin: 'prompt', messageIndex: index };
      return { role, content: marks.mark(textOf(message), owner, shape.edges[role]) };
    }
    case 'tool':
      return {
        role,
        content: marks.mark(
          textOf(message),
          { origin: 'tool', messageIndex: index },
          shape.edges[role],
        ),
        tool_call_id: callId(message.toolCallId, options),
        name: marks.guard(message.toolName),
      };
    case 'assistant':
      return assistantMessage(message, options);
  }
}

function assistantMessage(message: AssistantMessage, options: MessageOptions) {
  const { shape, marks, index } = options;
  const owner: TextOwner = { origin: 'foreign', messageIndex: index };
  const text = marks.mark(textOf(message), owner, shape.edges.assistant);
  const { reasoning, toolCalls } = message;
  const thought = reasoning === undefined ? undefined : marks.mark(reasoning, owner);
  const isInline = thought !== undefined && shape.reasoning === 'inline';
  const content = isInline ? `<think>\n${thought}\n</think>\n\n${text}` : text;
  return {
    role: 'assistant',
    content: content === '' && toolCalls.length > 0 ? shape.callContent : content,
    ...(thought !== undefined && !isInline && { [shape.reasoning]: thought }),
    ...(toolCalls.length > 0 && {
      tool_calls: toolCalls.map((call) => templateCall(call, owner, options)),
    }),
  };
}

function templateCall(call: ToolCall, owner: TextOwner, options: MessageOptions) {
  const { shape, marks } = options;
  const { argumentsText } = call;
  const parsed =
    shape.callArguments === 'object'
      ? readJsonFor(argumentsText, marks.spelling(owner))
      : undefined;
  return {
    id: callId(call.id, options),
    type: 'function',
    function: {
      name: marks.guard(call.name),
      arguments: parsed === undefined ? marks.mark(argumentsText, owner) : parsed.value,
    },
  };
}

function callId(id: string, { shape, marks }: MessageOptions): string {
  if (shape.callIds === 'as_given' || /^[A-Za-z0-9]{9}$/.test(id)) return marks.guard(id);
  return createHash('sha256').update(id.toWellFormed()).digest('hex').slice(0, 9);
}

/** Tools as templates read them: the OpenAI form, numbers and keys as Python would write them. */
export function templateTools(
  tools: readonly ToolDefinition[],
  marks: TextMarks,
): readonly unknown[] | null {
  if (tools.length === 0) return null;
  return tools.map(({ name, description, parameters }, index) => {
    const json = JSON.stringify({ type: 'function', function: { name, description, parameters } });
    const read = readJsonFor(json, marks.spelling());
    if (read !== undefined) return read.value;
    throw invalidInput(`tools[${index}].parameters`, 'is nested too deep for a template.');
  });
}
