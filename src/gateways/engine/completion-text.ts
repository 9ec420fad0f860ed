import type { ToolDefinition } from '../../messages.ts';
import { hermesParser } from '../../parsers/index.ts';
import { type Generation, specialId, type Tokenizer } from '../../policy/index.ts';

/** A generation as the chat API shows it. */
export interface ChatText {
  readonly content: string | null;
  readonly reasoning: string | undefined;
  readonly toolCalls: readonly { readonly name: string; readonly argumentsText: string }[];
  readonly finishReason: string;
}

/** Reads sampled ids: the close token is dropped, think blocks and tool calls are taken out. */
export function chatText(
  generation: Generation,
  tokenizer: Tokenizer,
  tools: readonly ToolDefinition[],
): ChatText {
  const text = tokenizer.decode(withoutClose(generation.ids));
  const thought = /^\s*<think>\n?([\s\S]*?)\n?<\/think>\n?/.exec(text);
  const rest = thought === null ? text : text.slice(thought[0].length);
  const parsed =
    tools.length === 0
      ? { content: rest, calls: [] }
      : hermesParser.parse(rest, { tools, finishReason: generation.finishReason });
  const finishReason =
    generation.finishReason === 'stop' && parsed.calls.length > 0
      ? 'tool_calls'
      : generation.finishReason;
  return {
    content: parsed.content === '' && parsed.calls.length > 0 ? null : parsed.content,
    reasoning: thought?.[1],
    toolCalls: parsed.calls,
    finishReason,
  };
}

/** The ids before the token that ended the turn. */
export function withoutClose(ids: Int32Array): Int32Array {
  const last = ids.at(-1);
  return last === specialId('<|im_end|>') || last === specialId('<|endoftext|>')
    ? ids.subarray(0, -1)
    : ids;
}
