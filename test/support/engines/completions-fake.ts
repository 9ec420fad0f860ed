import { type Body, type FakeEngine, startScriptedFake } from './script.ts';
import { exactly, ids, listOf, number, type Shape, text, whole } from './shape.ts';
import { completionResponse } from './vllm-shapes.ts';

/*
 * A server of the plain completions API that gives ids, as vLLM does with --return-tokens-as-token-ids and newer
 * ones by `token_ids`. The request's fields are those of OpenAI's CreateCompletionRequest (API reference, 2.3.0)
 * as far as they are the API's own; the answer's are vLLM's (./vllm-shapes.ts), which adds to them.
 */
const request: Shape = {
  fields: {
    model: text,
    prompt: ids,
    n: whole,
    max_tokens: whole,
    temperature: number,
    top_p: number,
    seed: whole,
    stop: listOf(text),
    logprobs: exactly(1),
    stream: exactly(false),
  },
  required: ['prompt', 'n', 'max_tokens', 'temperature', 'top_p', 'logprobs', 'stream'],
};

export async function startCompletionsFake(): Promise<FakeEngine> {
  return await startScriptedFake((script) => [
    {
      route: 'GET /v1/models',
      reply: () => ({ object: 'list', data: [{ id: 'org/model', object: 'model' }] }),
    },
    {
      route: 'POST /v1/completions',
      shape: request,
      answers: completionResponse,
      samples: true,
      reply: ({ prompt, n }: Body) => ({
        id: 'cmpl-1',
        object: 'text_completion',
        created: 1_780_000_000,
        model: 'org/model',
        choices: Array.from({ length: n }, (_, index) => ({
          index,
          text: '',
          finish_reason: script.finish,
          token_ids: script.ids,
          logprobs:
            script.logprobs === undefined
              ? null
              : {
                  tokens: script.ids.map((id) => `token_id:${id}`),
                  token_logprobs: script.logprobs,
                  top_logprobs: [],
                  text_offset: [],
                },
        })),
        usage: {
          prompt_tokens: script.promptTokens ?? prompt.length,
          completion_tokens: script.ids.length,
          total_tokens: prompt.length + script.ids.length,
        },
      }),
    },
  ]);
}
