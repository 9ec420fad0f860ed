import { isJsonObject, type JsonObject, type SamplingParameters } from '../../messages.ts';
import type { Engine, EngineGeneration } from '../engine.ts';
import { modelError } from '../model-errors.ts';
import {
  createHttpEngine,
  type EngineLink,
  type HttpEngineOptions,
  type Route,
} from './http-engine.ts';
import { readChoices } from './read-choices.ts';
import { readCount, readLogprob, readText, type SampledIds, spelledId } from './read-reply.ts';
import {
  listedModel,
  openaiFinish,
  readPromptLogprobs,
  vllmSampling,
  weightVersion,
} from './vllm-shape.ts';

/** vLLM by `POST /v1/completions` with prompt ids, for builds without its token route (0.10.2 and later). */
export function createVllmCompletionsEngine(options: HttpEngineOptions): Engine {
  return createHttpEngine(vllmRoute, options);
}

/**
 * Any `POST /v1/completions` that takes ids as its prompt and gives ids back, in `token_ids` or as
 * tokens spelled `token_id:N`. Only the API's own fields are sent; a server that gives no ids is refused.
 * The API has no stop ids: the server ends at its model's own, and a turn that runs on past another is
 * refused (`STOP_TOKEN_IGNORED`).
 */
export function createCompletionsEngine(options: HttpEngineOptions): Engine {
  return createHttpEngine(openaiRoute, options);
}

const path = '/v1/completions';

const vllmRoute: Route = {
  name: 'vLLM',
  healthPath: '/health',
  capabilities: {
    tier: 'exact',
    stopTokenKept: true,
    promptVerbatim: true,
    logprobMode: 'unknown',
    canScore: true,
    canScoreTopK: true,
    versions: 'none',
  },
  async describe(link, signal) {
    const [model, policyVersion] = await Promise.all([
      listedModel(link, signal),
      weightVersion(link, '/weight_info', signal),
    ]);
    return { ...model, policyVersion };
  },
  async generate(link, request, signal) {
    const body: JsonObject = {
      ...vllmSampling(request.sampling),
      ...(request.modelName !== undefined && { model: request.modelName }),
      prompt: [...request.promptTokenIds],
      n: request.n,
      // Left out, the server stops after 16.
      max_tokens: wantedTokens(request.sampling),
      logprobs: 0,
      return_token_ids: true,
      add_special_tokens: false,
      stream: false,
      request_id: request.requestId,
      ...(request.sessionKey !== undefined && { session_id: request.sessionKey }),
    };
    const headers = link.affinity(request);
    const answer = await link.http.call({ method: 'POST', path, body, headers, signal });
    return read(link, answer, request.n);
  },
  async score(link, request, signal) {
    const body: JsonObject = {
      ...vllmSampling({}),
      ...(request.modelName !== undefined && { model: request.modelName }),
      prompt: [...request.tokenIds],
      max_tokens: 1,
      prompt_logprobs: request.k,
      add_special_tokens: false,
      stream: false,
    };
    const answer = link.reader.object(
      await link.http.call({ method: 'POST', path, body, signal }),
      'the answer',
    );
    const choice = link.reader.object(
      link.reader.list(answer['choices'], 'choices')[0],
      'choices[0]',
    );
    return readPromptLogprobs(link, choice['prompt_logprobs'], request);
  },
  async tokenize(link, text, signal) {
    const body = { prompt: text, add_special_tokens: false };
    const answer = await link.http.call({ method: 'POST', path: '/tokenize', body, signal });
    return link.reader.ids(link.reader.object(answer, 'the answer')['tokens'], 'tokens');
  },
};

const openaiRoute: Route = {
  name: 'the completions server',
  healthPath: '/v1/models',
  capabilities: {
    tier: 'exact',
    stopTokenKept: undefined,
    promptVerbatim: undefined,
    logprobMode: 'unknown',
    canScore: false,
    canScoreTopK: false,
    versions: 'none',
  },
  describe: listedModel,
  async generate(link, request, signal) {
    const { sampling } = request;
    const body: JsonObject = {
      ...sampling.extra,
      ...(request.modelName !== undefined && { model: request.modelName }),
      prompt: [...request.promptTokenIds],
      n: request.n,
      max_tokens: wantedTokens(sampling),
      temperature: sampling.temperature ?? 1,
      top_p: sampling.topP ?? 1,
      ...(sampling.seed !== undefined && { seed: sampling.seed }),
      ...(sampling.stop !== undefined && { stop: sampling.stop }),
      // 0 is taken for "none" by some.
      logprobs: 1,
      stream: false,
    };
    if (sampling.topK !== undefined && sampling.topK > 0) throw unknownSampling('topK');
    const headers = link.affinity(request);
    const answer = await link.http.call({ method: 'POST', path, body, headers, signal });
    return read(link, answer, request.n);
  },
};

function read(link: EngineLink, value: unknown, n: number): readonly EngineGeneration[] {
  const { reader } = link;
  const answer = reader.object(value, 'the answer');
  const usage = isJsonObject(answer['usage']) ? answer['usage'] : {};
  const tokens = readCount(usage['prompt_tokens']);
  return readChoices(link, answer['choices'], n, (choice, path) => {
    const logprobs = isJsonObject(choice['logprobs']) ? choice['logprobs'] : {};
    const { prompt_token_ids: promptIds } = choice;
    const text = readText(choice['text']);
    const sampled = Array.isArray(choice['token_ids'])
      ? reader.sampledIds(choice['token_ids'], `${path}.token_ids`)
      : spelledIds(link, logprobs['tokens'], `${path}.logprobs.tokens`);
    return {
      logprobs: undefined,
      finish: openaiFinish(choice['finish_reason']),
      versions: [],
      ...(text !== undefined && { text }),
      ...reader.beside(sampled, () => ({
        logprobs: readTokenLogprobs(link, logprobs, sampled.tokenIds, `${path}.logprobs`),
        prompt: {
          ...(tokens !== undefined && { tokens }),
          ...(Array.isArray(promptIds) && {
            tokenIds: reader.ids(promptIds, `${path}.prompt_token_ids`),
          }),
        },
      })),
    };
  });
}

/** Two lists side by side; the tokens may be spelled as ids, and are then held against those that were sampled. */
function readTokenLogprobs(
  { reader }: EngineLink,
  { tokens, token_logprobs: values }: JsonObject,
  tokenIds: Int32Array,
  path: string,
): Float32Array | undefined {
  if (!Array.isArray(values)) return undefined;
  const entries = values.map((value, at) => ({
    id: Array.isArray(tokens) ? spelledId(tokens[at]) : undefined,
    logprob: readLogprob(value),
  }));
  return reader.logprobsOf(tokenIds, entries, `${path}.tokens`);
}

/** `token_id:N` for each token. Text tokens are not ids, and are not turned into any. */
function spelledIds({ reader }: EngineLink, tokens: unknown, path: string): SampledIds {
  const list: readonly unknown[] = Array.isArray(tokens) ? tokens : [undefined];
  const ids = list.map(spelledId);
  if (ids.some((id) => id !== undefined)) return reader.sampledIds(ids, path);
  if (Array.isArray(tokens) && tokens.length === 0) return { tokenIds: new Int32Array(0) };
  throw modelError('The completions server gives no token ids.', {
    reason: 'TOKEN_IDS_MISSING',
    remedy: 'Use an engine that returns ids, or --openai-url, whose rollouts are not for training.',
  });
}

/** The server's own default is 16. */
function wantedTokens({ maxTokens }: SamplingParameters): number {
  if (maxTokens !== undefined) return maxTokens;
  throw modelError('This server has no "as many as fit".', {
    reason: 'MAX_TOKENS_MISSING',
    remedy: 'Give maxTokens in the sampling, or the engine its contextLength.',
    field: 'sampling.maxTokens',
  });
}

function unknownSampling(field: string): Error {
  return modelError(`The completions API knows no ${field}.`, {
    reason: 'UNSUPPORTED_SAMPLING',
    remedy: 'Leave it out, or give it in sampling.extra as the server spells it.',
    field: `sampling.${field}`,
  });
}
