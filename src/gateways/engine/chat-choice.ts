import type { Generation } from '../../policy/index.ts';
import { fieldsOf } from './fields.ts';
import { chatLogprobs } from './logprobs.ts';
import type { RouteContext } from './routes.ts';

/** `tool_calls` of a message; no field at all when there are none. */
export function toolCallFields(
  calls: readonly { readonly name: string; readonly argumentsText: string }[],
  requestId: string,
  choice: number,
) {
  if (calls.length === 0) return {};
  return {
    tool_calls: calls.map((call, i) => ({
      id: `call_${requestId}_${choice}_${i}`,
      type: 'function',
      function: { name: call.name, arguments: call.argumentsText },
    })),
  };
}

/** The ids and logprobs of a choice, where the request asks for them. */
export function choiceTokens(
  { body, policy, faults }: RouteContext,
  generation: Generation,
): object {
  const fields = fieldsOf(body);
  return {
    logprobs: fields.flag('logprobs')
      ? {
          content: chatLogprobs(
            generation,
            policy.tokenizer,
            faults,
            fields.flag('return_tokens_as_token_ids'),
          ),
        }
      : null,
    ...(fields.flag('return_token_ids') ? { token_ids: [...generation.ids] } : {}),
  };
}

/** The fields that every OpenAI answer begins with. */
export function envelope({ policy, requestId, created }: RouteContext, object: string): object {
  const prefix = object.startsWith('chat') ? 'chatcmpl' : 'cmpl';
  return { id: `${prefix}-${requestId}`, object, created, model: policy.name };
}

export function usageOf(promptIds: Int32Array, generations: readonly Generation[]): object {
  const completion = generations.reduce((sum, { ids }) => sum + ids.length, 0);
  return {
    prompt_tokens: promptIds.length,
    completion_tokens: completion,
    total_tokens: promptIds.length + completion,
  };
}
