import type { ToolDefinition } from '../../messages.ts';
import { choiceTokens, envelope, toolCallFields, usageOf } from './chat-choice.ts';
import { chatPrompt, readTools } from './chat-messages.ts';
import { streamChat } from './chat-stream.ts';
import { chatText } from './completion-text.ts';
import { fieldsOf } from './fields.ts';
import type { Route, RouteContext } from './routes.ts';
import { readSampling, sample, stopReasonOf, withFaults } from './sampling.ts';

/** `POST /v1/chat/completions`: OpenAI's fields, and vLLM's `return_token_ids`. */
export const chatRoute: Route = async (context) => {
  const { policy, body, faults } = context;
  const fields = fieldsOf(body);
  const promptIds = chatPrompt(body, policy.tokenizer);
  const request = readSampling(body, fields.integer('top_logprobs') ?? 0, faults);
  if (fields.flag('stream')) {
    await streamChat(context, promptIds, request, offeredTools(context));
    return undefined;
  }
  const generations = (await sample(policy, promptIds, request, context)).map((generation) =>
    withFaults(generation, faults),
  );
  return {
    ...envelope(context, 'chat.completion'),
    ...(fields.flag('return_token_ids') ? { prompt_token_ids: [...promptIds] } : {}),
    choices: generations.map((generation, index) => {
      const text = chatText(generation, policy.tokenizer, offeredTools(context));
      return {
        index,
        message: {
          role: 'assistant',
          content: text.content,
          ...(text.reasoning === undefined ? {} : { reasoning: text.reasoning }),
          ...toolCallFields(text.toolCalls, context.requestId, index),
        },
        finish_reason: text.finishReason,
        stop_reason: stopReasonOf(generation, request),
        ...choiceTokens(context, generation),
      };
    }),
    usage: usageOf(promptIds, generations),
    weight_version: generations[0]?.version ?? policy.version,
  };
};

function offeredTools({ body }: RouteContext): readonly ToolDefinition[] {
  return body['tool_choice'] === 'none' ? [] : readTools(body);
}
