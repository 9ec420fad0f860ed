import type { AssistantMessage, ToolDefinition } from '../../messages.ts';
import { textContent } from '../../messages.ts';
import type {
  ParsedCall,
  ParserDiagnostic,
  ThinkBlock,
  ToolCallParser,
} from '../../parsers/index.ts';

export interface ReadCompletionOptions {
  /** Undefined: calls are not looked for. */
  readonly parser: ToolCallParser | undefined;
  readonly tools: readonly ToolDefinition[];
  readonly finishReason: string;
  /** Makes the id of the nth call, where the model wrote none. */
  readonly callId: (call: ParsedCall, index: number) => string;
}

export interface ReadCompletion {
  /** Reasoning apart, calls apart, the rest as it was. */
  readonly message: AssistantMessage;
  /** Absent for nothing. */
  readonly callDiagnostics?: readonly ParserDiagnostic[];
}

/** What a sampled text says. */
export function readCompletion(text: string, options: ReadCompletionOptions): ReadCompletion {
  const { parser, tools, finishReason, callId } = options;
  const parsed = parser?.parse(text, { tools, finishReason });
  const { reasoning, content } =
    parsed?.reasoning === undefined
      ? splitReasoning(parsed?.content ?? text, parser?.thinking)
      : { content: parsed.content, reasoning: parsed.reasoning || undefined };
  const toolCalls = (parsed?.calls ?? []).map((call, index) =>
    Object.freeze({ ...call, id: call.id ?? callId(call, index) }),
  );
  const message = Object.freeze({
    role: 'assistant' as const,
    content: Object.freeze(textContent(content).map((part) => Object.freeze(part))),
    ...(reasoning !== undefined && { reasoning }),
    toolCalls: Object.freeze(toolCalls),
  });
  const callDiagnostics = parsed?.diagnostics ?? [];
  return callDiagnostics.length === 0 ? { message } : { message, callDiagnostics };
}

const THINKING: readonly ThinkBlock[] = [{ open: '<think>', close: '</think>' }];

/**
 * Takes a think block off the start of a text. A block that was opened in the prompt has only its end
 * here; one that was cut off has only its start, and then all of the text is reasoning.
 */
export function splitReasoning(
  text: string,
  thinking: readonly ThinkBlock[] = THINKING,
): { reasoning?: string; content: string } {
  for (const { open, close } of thinking) {
    const start = text.length - text.trimStart().length;
    const isOpened = text.startsWith(open, start);
    const end = text.indexOf(close, isOpened ? start + open.length : 0);
    if (!isOpened && (end < 0 || text.slice(0, end).includes(open))) continue;
    const thought = isOpened ? start + open.length : 0;
    if (end < 0) return { reasoning: trimLines(text.slice(thought)), content: '' };
    const content = text.slice(end + close.length).replace(/^\n+/, '');
    return { reasoning: trimLines(text.slice(thought, end)), content };
  }
  return { content: text };
}

function trimLines(text: string): string {
  let start = 0;
  let end = text.length;
  while (text[start] === '\n') start += 1;
  while (end > start && text[end - 1] === '\n') end -= 1;
  return text.slice(start, end);
}
