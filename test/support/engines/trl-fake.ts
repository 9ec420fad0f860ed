import { type Body, type FakeEngine, samplingFields, startScriptedFake } from './script.ts';
import {
  anything,
  exactly,
  ids,
  listOf,
  number,
  orNull,
  type Shape,
  text,
  whole,
} from './shape.ts';

/*
 * Field lists of huggingface/trl, trl/scripts/vllm_serve.py of release 1.1.0 (the same in 1.2.0): GenerateRequest,
 * GenerateResponse, SequenceLogprobsRequest, SequenceLogprobsResponse. Slashes at the end are part of the routes.
 */
const generateRequest: Shape = {
  fields: {
    prompts: listOf(ids),
    images: anything,
    n: whole,
    repetition_penalty: exactly(1),
    ...samplingFields,
    min_p: exactly(0),
    max_tokens: whole,
    logprobs: exactly(0),
    structured_outputs_regex: text,
    // Handed to vLLM's SamplingParams as they are.
    generation_kwargs: {
      fields: { stop_token_ids: ids, seed: whole, stop: listOf(text) },
      required: ['stop_token_ids'],
    },
  },
  required: ['prompts', 'n', 'temperature', 'top_p', 'top_k', 'max_tokens', 'logprobs'],
};

const sequenceLogprobsRequest: Shape = {
  fields: {
    sequences: listOf(ids),
    prompt_lengths: listOf(whole),
    top_logprobs: whole,
    temperature: number,
    response_format: exactly('json'),
  },
  required: ['sequences', 'prompt_lengths', 'top_logprobs', 'temperature', 'response_format'],
};

const columns = {
  logprobs: orNull(listOf(listOf(listOf(orNull(number))))),
  logprob_token_ids: orNull(listOf(listOf(ids))),
} as const;

const generateResponse: Shape = {
  fields: { ...columns, prompt_ids: listOf(ids), completion_ids: listOf(ids) },
  required: ['prompt_ids', 'completion_ids', 'logprobs', 'logprob_token_ids'],
};

const sequenceLogprobsResponse: Shape = {
  fields: {
    ...columns,
    logprobs_b64: orNull(text),
    token_ids_b64: orNull(text),
    actual_logprobs_b64: orNull(text),
    actual_token_ids_b64: orNull(text),
    shape: orNull(listOf(whole)),
    completion_lengths: orNull(listOf(whole)),
  },
  required: [],
};

export async function startTrlFake(): Promise<FakeEngine> {
  return await startScriptedFake((script) => [
    { route: 'GET /health/', reply: () => ({ status: 'ok' }) },
    {
      route: 'POST /generate/',
      shape: generateRequest,
      answers: generateResponse,
      samples: true,
      reply: (body: Body) => {
        const each = <Value>(value: Value): Value[] => Array.from({ length: body.n }, () => value);
        return {
          prompt_ids: body.prompts,
          completion_ids: each(script.ids),
          logprobs:
            script.logprobs === undefined ? null : each(script.logprobs.map((value) => [value])),
          logprob_token_ids:
            script.logprobs === undefined ? null : each(script.ids.map((id) => [id])),
        };
      },
    },
    {
      route: 'POST /get_sequence_logprobs/',
      shape: sequenceLogprobsRequest,
      answers: sequenceLogprobsResponse,
      reply: ({ sequences, prompt_lengths, top_logprobs }: Body) => {
        const scored: number[] = sequences[0].slice(prompt_lengths[0]);
        // Ranked; the id's own comes last, also where it is not among the first.
        return {
          logprobs: [
            scored.map((_, at) =>
              top_logprobs > 1 ? [-(at + 1) / 20, -(at + 1) / 10] : [-(at + 1) / 10],
            ),
          ],
          logprob_token_ids: [scored.map((id) => (top_logprobs > 1 ? [id + 1, id] : [id]))],
        };
      },
    },
  ]);
}
