import { invalidInput } from '../../errors.ts';
import { usageOf } from './chat-choice.ts';
import { fieldsOf } from './fields.ts';
import { promptLogprobs, tokenLogprobs } from './logprobs.ts';
import type { Route } from './routes.ts';
import { readSampling, sample, stopReasonOf, withFaults } from './sampling.ts';

/** `POST /inference/v1/generate`: vLLM's token endpoint. Ids in, ids, logprobs and weight versions out. */
export const generateRoute: Route = async (context) => {
  const { policy, body, faults, signal } = context;
  const fields = fieldsOf(body);
  const promptIds = fields.ids('token_ids');
  if (promptIds === undefined || promptIds.length === 0) {
    throw invalidInput('token_ids', 'is missing or empty.');
  }
  const parameters = fields.object('sampling_params') ?? {};
  const wanted = fieldsOf(parameters, 'sampling_params').integer('logprobs');
  const request = readSampling(parameters, wanted ?? 0, faults, 'sampling_params');
  const scored = fieldsOf(parameters, 'sampling_params').integer('prompt_logprobs') !== undefined;
  const prompt = scored ? (await policy.score(promptIds, { signal })).logprobs : undefined;
  const generations = await sample(policy, promptIds, request, { signal });
  const answer = {
    request_id: fields.text('request_id') ?? context.requestId,
    model: policy.name,
    created: context.created,
    usage: usageOf(promptIds, generations),
    prompt_logprobs: prompt && promptLogprobs(promptIds, prompt, policy.tokenizer),
    choices: generations.map((whole, index) => {
      const generation = withFaults(whole, faults);
      return {
        index,
        finish_reason: generation.finishReason,
        stop_reason: stopReasonOf(generation, request),
        token_ids: [...generation.ids],
        logprobs: wanted === undefined ? null : tokenLogprobs(generation, faults),
        weight_versions: [
          {
            version: String(generation.version),
            start: 0,
            end: generation.ids.length,
            weight_version: generation.version,
          },
        ],
      };
    }),
  };
  if (!fields.flag('stream')) return answer;
  const events = context.stream();
  await events.send(answer);
  events.end();
  return undefined;
};
