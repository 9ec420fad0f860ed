import { invalidInput } from '../../errors.ts';
import type { JsonValue } from '../../messages.ts';
import type { Generation } from '../../policy/index.ts';
import { envelope, usageOf } from './chat-choice.ts';
import { withoutClose } from './completion-text.ts';
import { fieldsOf, isIdList } from './fields.ts';
import { completionLogprobs, promptLogprobs } from './logprobs.ts';
import type { Route, RouteContext } from './routes.ts';
import { readSampling, sample, stopReasonOf, withFaults } from './sampling.ts';

/** `POST /v1/completions`: the prompt is text or token ids, or a list of either. */
export const completionsRoute: Route = async (context) => {
  const { policy, body, faults, signal } = context;
  const fields = fieldsOf(body);
  const wanted = fields.integer('logprobs');
  const request = readSampling(body, wanted ?? 0, faults);
  const prompts = readPrompts(context);
  const scored = fields.integer('prompt_logprobs') !== undefined;
  const choices: object[] = [];
  const all: Generation[] = [];
  const events = fields.flag('stream') ? context.stream() : undefined;
  for (const promptIds of prompts) {
    const prompt = scored
      ? promptLogprobs(
          promptIds,
          (await policy.score(promptIds, { signal })).logprobs,
          policy.tokenizer,
        )
      : null;
    for (const whole of await sample(policy, promptIds, request, { signal })) {
      const generation = withFaults(whole, faults);
      all.push(generation);
      const choice = {
        index: choices.length,
        text: policy.tokenizer.decode(withoutClose(generation.ids)),
        finish_reason: generation.finishReason,
        stop_reason: stopReasonOf(generation, request),
        logprobs:
          wanted === undefined ? null : completionLogprobs(generation, policy.tokenizer, faults),
        ...(fields.flag('return_token_ids')
          ? { token_ids: [...generation.ids], prompt_token_ids: [...promptIds] }
          : {}),
        prompt_logprobs: prompt,
      };
      choices.push(choice);
      await events?.send({ ...envelope(context, 'text_completion'), choices: [choice] });
    }
  }
  if (events !== undefined) {
    events.end();
    return undefined;
  }
  return {
    ...envelope(context, 'text_completion'),
    choices,
    usage: usageOf(prompts[0] ?? new Int32Array(), all),
    weight_version: all[0]?.version ?? policy.version,
  };
};

function readPrompts({ body, policy }: RouteContext): readonly Int32Array[] {
  const { prompt } = body as { prompt?: JsonValue };
  const one = (value: JsonValue | undefined, path: string): Int32Array => {
    if (typeof value === 'string') return policy.tokenizer.encode(value, { allowSpecial: true });
    if (isIdList(value)) return Int32Array.from(value);
    throw invalidInput(path, 'is neither text nor a list of token ids.');
  };
  const isMany =
    Array.isArray(prompt) &&
    prompt.length > 0 &&
    prompt.every((item) => typeof item === 'string' || Array.isArray(item));
  return isMany
    ? (prompt as readonly JsonValue[]).map((item, i) => one(item, `prompt[${i}]`))
    : [one(prompt, 'prompt')];
}
