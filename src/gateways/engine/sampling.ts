import { invalidInput } from '../../errors.ts';
import type { JsonObject } from '../../messages.ts';
import type { EmbeddedPolicy, Generation, GenerationSlice } from '../../policy/index.ts';
import type { EngineFaults } from './faults.ts';
import { fieldsOf } from './fields.ts';

/** What a request asks of the policy, apart from its prompt. */
export interface SamplingRequest {
  readonly n: number;
  readonly seed: number | undefined;
  readonly maxTokens: number | undefined;
  readonly temperature: number | undefined;
  readonly topP: number | undefined;
  readonly topK: number | undefined;
  readonly stopTokenIds: readonly number[] | undefined;
  readonly logprobMode: 'raw' | 'processed';
  readonly topLogprobs: number;
}

/** Reads the sampling fields that all routes share. Fields that would be ignored are refused. */
export function readSampling(
  body: JsonObject,
  topLogprobs: number,
  faults: EngineFaults,
  path = '',
): SamplingRequest {
  const fields = fieldsOf(body, path);
  const stop = body['stop'] ?? undefined;
  if (stop !== undefined && !(Array.isArray(stop) && stop.length === 0)) {
    throw invalidInput('stop', 'is not supported by this engine.', {
      remedy: 'Give stop_token_ids: a string may end in the middle of a token.',
    });
  }
  for (const name of ['min_p', 'frequency_penalty', 'presence_penalty']) {
    if ((fields.number(name) ?? 0) !== 0)
      throw invalidInput(name, 'is not supported here; leave it at 0.');
  }
  const n = fields.integer('n') ?? 1;
  if (n < 1 || n > 128) throw invalidInput('n', `is ${n}; give 1 to 128.`);
  const mode = fields.text('logprobs_mode') ?? faults.logprobMode ?? 'processed';
  if (mode !== 'raw' && mode !== 'processed') {
    throw invalidInput('logprobs_mode', `is "${mode}"; give raw or processed.`);
  }
  const topK = fields.integer('top_k');
  return {
    n,
    seed: fields.integer('seed'),
    maxTokens: fields.integer('max_completion_tokens') ?? fields.integer('max_tokens'),
    temperature: fields.number('temperature'),
    topP: fields.number('top_p'),
    // -1 is how vLLM spells "off".
    topK: topK === -1 ? 0 : topK,
    stopTokenIds: fields.ids('stop_token_ids') && [...fields.ids('stop_token_ids')!],
    logprobMode: mode,
    topLogprobs,
  };
}

/** Samples `n` continuations of one prompt. Each gets a seed of its own when the request has one. */
export async function sample(
  policy: EmbeddedPolicy,
  promptIds: Int32Array,
  request: SamplingRequest,
  options: {
    readonly signal: AbortSignal;
    readonly onSlice?: (index: number, slice: GenerationSlice) => void;
  },
): Promise<readonly Generation[]> {
  return Promise.all(
    Array.from({ length: request.n }, (_, index) =>
      policy.generate(
        {
          promptIds,
          topLogprobs: request.topLogprobs,
          logprobMode: request.logprobMode,
          ...(request.maxTokens === undefined ? {} : { maxTokens: request.maxTokens }),
          ...(request.temperature === undefined ? {} : { temperature: request.temperature }),
          ...(request.topP === undefined ? {} : { topP: request.topP }),
          ...(request.topK === undefined ? {} : { topK: request.topK }),
          ...(request.seed === undefined ? {} : { seed: request.seed + index }),
          ...(request.stopTokenIds === undefined ? {} : { stopTokenIds: request.stopTokenIds }),
        },
        {
          signal: options.signal,
          ...(options.onSlice === undefined
            ? {}
            : { onSlice: (slice: GenerationSlice) => options.onSlice?.(index, slice) }),
        },
      ),
    ),
  );
}

/** A generation as the faults let it be seen. */
export function withFaults(generation: Generation, faults: EngineFaults): Generation {
  if (faults.dropStopToken !== true || generation.finishReason !== 'stop') return generation;
  return {
    ...generation,
    ids: generation.ids.subarray(0, -1),
    logprobs: generation.logprobs.subarray(0, -1),
    topLogprobs: generation.topLogprobs.slice(0, -1),
  };
}

/** `stop_reason` as vLLM has it: the id of a stop token that was asked for, null for the ordinary end. */
export function stopReasonOf(generation: Generation, request: SamplingRequest): number | null {
  const { stopTokenId } = generation;
  return stopTokenId !== undefined && request.stopTokenIds?.includes(stopTokenId) === true
    ? stopTokenId
    : null;
}
