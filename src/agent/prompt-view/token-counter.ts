import type { ContentPart, Message, ToolDefinition } from '../../messages.ts';
import type { ModelSession } from '../../models/index.ts';
import type { TokenCounter } from './view.ts';

const BYTES_PER_TOKEN = 4;
/** A message's role, its begin and its end. */
const FRAME_TOKENS = 6;
const IMAGE_TOKENS = 1_000;

/** A guess for models whose tokenizer isn't known: a token per 4 bytes of UTF-8, rounded up. */
export const estimatedTokens: TokenCounter = {
  message(message) {
    let bytes = 0;
    let tokens = FRAME_TOKENS;
    for (const part of message.content) {
      if (part.kind === 'image') tokens += IMAGE_TOKENS;
      else bytes += Buffer.byteLength(textOfPart(part));
    }
    if (message.role === 'assistant') {
      bytes += Buffer.byteLength(message.reasoning ?? '');
      for (const { name, argumentsText } of message.toolCalls) {
        bytes += Buffer.byteLength(name) + Buffer.byteLength(argumentsText);
        tokens += FRAME_TOKENS;
      }
    }
    return tokens + Math.ceil(bytes / BYTES_PER_TOKEN);
  },
  fixed: (tools) =>
    tools.length === 0 ? 0 : Math.ceil(Buffer.byteLength(JSON.stringify(tools)) / BYTES_PER_TOKEN),
};

function textOfPart(part: Exclude<ContentPart, { kind: 'image' }>): string {
  return part.kind === 'text' ? part.text : part.json;
}

/**
 * Counts with the session's own tokenizer where it gives one, each message once. Content that the
 * session can't count is estimated; the model call then says what is wrong with it.
 */
export function tokenCounter(session: ModelSession): TokenCounter {
  const counts = new WeakMap<Message, number>();
  let toolsKey: readonly ToolDefinition[] | undefined;
  let fixed = 0;
  const exactly = (
    messages: readonly Message[],
    tools: readonly ToolDefinition[],
  ): number | undefined => {
    try {
      return session.countTokens?.(messages, tools);
    } catch {
      return undefined;
    }
  };
  let bare: number | undefined;
  return {
    message(message) {
      let count = counts.get(message);
      if (count === undefined) {
        const whole = exactly([message], []);
        bare ??= exactly([], []);
        count =
          whole === undefined || bare === undefined
            ? estimatedTokens.message(message)
            : whole - bare;
        counts.set(message, count);
      }
      return count;
    },
    fixed(tools) {
      if (tools !== toolsKey) {
        fixed = exactly([], tools) ?? estimatedTokens.fixed(tools);
        toolsKey = tools;
      }
      return fixed;
    },
  };
}
