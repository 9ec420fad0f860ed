import type { AssistantMessage, ToolDefinition } from '../../messages.ts';
import { textContent } from '../../messages.ts';
import type { ToolCallParser } from '../../parsers/index.ts';

export interface ReadCompletionOptions {
  /** Undefined: calls are not looked for. */
  readonly parser: ToolCallParser | undefined;
  readonly tools: readonly ToolDefinition[];
  readonly finishReason: string;
  /** Makes the id of the nth call. */
  readonly callId: (index: number) => string;
}

/** The message that a sampled text says: reasoning apart, calls apart, the rest as it was. */
export function readCompletion(text: string, options: ReadCompletionOptions): AssistantMessage {
  const { parser, tools, finishReason, callId } = options;
  const parsed = parser?.parse(text, { tools, finishReason });
  const { reasoning, content } = splitReasoning(parsed?.content ?? text);
  const toolCalls = (parsed?.calls ?? []).map((call, index) =>
    Object.freeze({ id: callId(index), ...call }),
  );
  return Object.freeze({
    role: 'assistant',
    content: textContent(content),
    ...(reasoning !== undefined && { reasoning }),
    toolCalls: Object.freeze(toolCalls),
  });
}

const OPEN = '<think>';
const CLOSE = '</think>';

/**
 * Takes a think block off the start of a text. A block that was opened in the prompt has only its end
 * here; one that was cut off has only its start, and then all of the text is reasoning.
 */
export function splitReasoning(text: string): { reasoning?: string; content: string } {
  const start = /^\s*<think>/.exec(text);
  const close = text.indexOf(CLOSE);
  if (start === null) {
    if (close < 0 || text.slice(0, close).includes(OPEN)) return { content: text };
    return { reasoning: trimLines(text.slice(0, close)), content: afterBlock(text, close) };
  }
  if (close < 0) return { reasoning: trimLines(text.slice(start[0].length)), content: '' };
  return {
    reasoning: trimLines(text.slice(start[0].length, close)),
    content: afterBlock(text, close),
  };
}

function afterBlock(text: string, close: number): string {
  return text.slice(close + CLOSE.length).replace(/^\n+/, '');
}

function trimLines(text: string): string {
  return text.replace(/^\n+|\n+$/g, '');
}
