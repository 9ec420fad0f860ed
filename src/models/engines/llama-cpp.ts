import type { LachesisError } from '../../errors.ts';
import { isJsonObject, type JsonObject, type SamplingParameters } from '../../messages.ts';
import type { Engine, EngineFinish, EngineGeneration } from '../engine.ts';
import { modelError } from '../model-errors.ts';
import {
  createHttpEngine,
  type EngineLink,
  type HttpEngineOptions,
  type Route,
} from './http-engine.ts';
import { readCount, readLogprob, readText } from './read-reply.ts';

/** llama.cpp's `llama-server` by its own route, `POST /completion` with ids as the prompt. */
export function createLlamaCppEngine(options: HttpEngineOptions): Engine {
  return createHttpEngine(route, options);
}

const route: Route = {
  name: 'llama.cpp',
  healthPath: '/health',
  capabilities: {
    tier: 'exact',
    stopTokenKept: true,
    promptVerbatim: true,
    // Probabilities are asked for as they are after the samplers.
    logprobMode: 'processed',
    canScore: false,
    canScoreTopK: false,
    versions: 'none',
  },
  async describe({ http, reader }, signal) {
    const props = reader.object(
      await http.call({ method: 'GET', path: '/props', signal }),
      'props',
    );
    const settings = props['default_generation_settings'];
    const contextLength = readCount(isJsonObject(settings) ? settings['n_ctx'] : undefined);
    const model = readText(props['model_alias']) || readText(props['model_path']);
    return {
      ...(model !== undefined && { model }),
      ...(contextLength !== undefined && { contextLength }),
    };
  },
  async generate(link, request, signal) {
    // A server has `n_cmpl` only as far as it has slots, so continuations are calls of their own.
    const { seed } = request.sampling;
    return Promise.all(
      Array.from({ length: request.n }, async (_, index) => {
        const sampling =
          seed === undefined ? request.sampling : { ...request.sampling, seed: seed + index };
        const body = bodyOf(request.promptTokenIds, sampling);
        const headers = link.affinity(request);
        const answer = await link.http.call({
          method: 'POST',
          path: '/completion',
          body,
          headers,
          signal,
        });
        return readOne(
          link,
          link.reader.object(answer, 'the answer'),
          request.promptTokenIds,
          sampling,
        );
      }),
    );
  },
  async tokenize({ http, reader }, text, signal) {
    const body = { content: text, add_special: false, parse_special: true };
    const answer = await http.call({ method: 'POST', path: '/tokenize', body, signal });
    return reader.ids(reader.object(answer, 'the answer')['tokens'], 'tokens');
  },
};

/**
 * All samplers but the temperature are off: the server's own defaults (top_k 40, top_p 0.95, min_p 0.05,
 * and whatever it was started with) would each cut the distribution that the logprobs are of.
 */
function bodyOf(promptTokenIds: Int32Array, sampling: SamplingParameters): JsonObject {
  const { topK = 0, topP = 1 } = sampling;
  const samplers = [...(topK > 0 ? ['top_k'] : []), ...(topP < 1 ? ['top_p'] : []), 'temperature'];
  return {
    dynatemp_range: 0,
    typical_p: 1,
    min_p: 0,
    top_n_sigma: -1,
    xtc_probability: 0,
    repeat_penalty: 1,
    repeat_last_n: 0,
    presence_penalty: 0,
    frequency_penalty: 0,
    dry_multiplier: 0,
    mirostat: 0,
    ...sampling.extra,
    prompt: [...promptTokenIds],
    // -1 is "until the context is full".
    n_predict: sampling.maxTokens ?? -1,
    temperature: sampling.temperature ?? 1,
    top_k: topK,
    top_p: topP,
    samplers,
    ...(sampling.seed !== undefined && { seed: sampling.seed }),
    ...(sampling.stop !== undefined && { stop: sampling.stop }),
    n_probs: 1,
    post_sampling_probs: true,
    return_tokens: true,
    // Another batch size gives other numbers in the last digits.
    cache_prompt: true,
    stream: false,
  };
}

function readOne(
  { reader }: EngineLink,
  answer: JsonObject,
  prompt: Int32Array,
  { stopTokenIds = [], temperature = 1 }: SamplingParameters,
): EngineGeneration {
  const { tokenIds, amiss } = reader.sampledIds(answer['tokens'], 'tokens');
  // The server stops at the end tokens of the GGUF file and can be told no others.
  const passed = tokenIds.findIndex((id) => stopTokenIds.includes(id));
  // A turn that fills the context is truncated too, and only a length stop.
  const tokens = readCount(answer['tokens_evaluated']);
  const isCut = answer['truncated'] === true && tokens !== prompt.length;
  const wrong =
    amiss ??
    (isCut ? truncated() : undefined) ??
    (passed >= 0 && passed < tokenIds.length - 1 ? wentOn(tokenIds[passed]!) : undefined);
  return {
    tokenIds,
    logprobs: logprobsOf(answer['completion_probabilities'], tokenIds, temperature),
    finish: finishOf(answer['stop_type']),
    versions: [],
    ...(tokens !== undefined && { prompt: { tokens } }),
    ...(wrong !== undefined && { amiss: wrong }),
  };
}

/**
 * One entry a token, but none for a token that ends within a character: the server writes it only when
 * the character is whole. What has no entry has no logprob.
 */
function logprobsOf(
  value: unknown,
  tokenIds: Int32Array,
  temperature: number,
): Float32Array | undefined {
  if (!Array.isArray(value)) return undefined;
  let next = 0;
  return Float32Array.from(tokenIds, (id) => {
    const entry: unknown = value[next];
    if (!isJsonObject(entry) || entry['id'] !== id) return Number.NaN;
    next += 1;
    if (typeof entry['prob'] === 'number') return Math.log(entry['prob']);
    // Older builds answer with the model's own distribution, which is the same at a temperature of 1.
    return temperature === 1 ? readLogprob(entry['logprob']) : Number.NaN;
  });
}

function finishOf(type: unknown): EngineFinish {
  if (type === 'eos' || type === 'word') return 'stop';
  return type === 'limit' ? 'length' : 'abort';
}

function wentOn(id: number): LachesisError {
  return modelError(`llama.cpp went on after id ${id}, which ends a turn.`, {
    reason: 'STOP_TOKEN_IGNORED',
    remedy:
      'The GGUF file names another end token: set tokenizer.ggml.eos_token_id or eot_token_id in it.',
    metadata: { id: String(id) },
  });
}

function truncated(): LachesisError {
  return modelError('llama.cpp cut the prompt to its context, so it read another one.', {
    reason: 'PROMPT_NOT_VERBATIM',
    remedy: 'Start it with a larger --ctx-size (it is shared by its slots), or set contextLength.',
  });
}
