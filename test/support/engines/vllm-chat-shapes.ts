import { anything, exactly, ids, isOf, listOf, orNull, type Shape, text, whole } from './shape.ts';
import { chatLogprob, usage } from './vllm-shapes.ts';

/* The answers of vLLM's chat route; where they were read: ./vllm-chat.ts. */

const call = (required: readonly string[]): Shape => ({
  fields: {
    index: whole,
    id: orNull(text),
    type: exactly('function'),
    function: { fields: { name: orNull(text), arguments: orNull(text) }, required: [] },
  },
  required,
});

const said = { role: text, content: orNull(text), reasoning: orNull(text) } as const;

const logprobs = orNull((value) =>
  isOf(value, {
    fields: { content: orNull(listOf((item) => isOf(item, chatLogprob))) },
    required: [],
  }),
);

const choice = {
  index: whole,
  logprobs,
  finish_reason: orNull(text),
  stop_reason: anything,
  token_ids: orNull(ids),
} as const;

const responseChoice: Shape = {
  fields: {
    ...choice,
    message: {
      fields: {
        ...said,
        refusal: orNull(text),
        annotations: anything,
        audio: anything,
        function_call: anything,
        tool_calls: listOf((one) => isOf(one, call(['id', 'type', 'function']))),
      },
      required: ['role'],
    },
    routed_experts: orNull(text),
  },
  required: ['index', 'message'],
};

const chunkChoice: Shape = {
  fields: {
    ...choice,
    delta: {
      fields: { ...said, tool_calls: listOf((one) => isOf(one, call(['index']))) },
      required: [],
    },
  },
  required: ['index', 'delta'],
};

const common = {
  id: text,
  created: whole,
  model: text,
  system_fingerprint: orNull(text),
  prompt_token_ids: orNull(ids),
  prompt_text: orNull(text),
  metrics: anything,
} as const;

export const chatResponse: Shape = {
  fields: {
    ...common,
    object: exactly('chat.completion'),
    choices: listOf((value) => isOf(value, responseChoice)),
    service_tier: anything,
    usage,
    prompt_logprobs: anything,
    kv_transfer_params: anything,
    ec_transfer_params: anything,
  },
  required: ['id', 'object', 'created', 'model', 'choices', 'usage'],
};

export const chatChunk: Shape = {
  fields: {
    ...common,
    object: exactly('chat.completion.chunk'),
    choices: listOf((value) => isOf(value, chunkChoice)),
    usage: orNull((value) => isOf(value, usage)),
  },
  required: ['id', 'object', 'created', 'model', 'choices'],
};
