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
import {
  type ReplyReader,
  readCount,
  readLogprob,
  readText,
  readVersion,
  readVersionSpans,
  type SampledIds,
} from './read-reply.ts';
import { readScores, type ScoredEntry } from './read-scores.ts';
import { listedModel, weightVersion } from './vllm-shape.ts';

/** SGLang by its own route, `POST /generate` with `input_ids`. */
export function createSglangEngine(options: HttpEngineOptions): Engine {
  return createHttpEngine(route, options);
}

const path = '/generate';

const route: Route = {
  name: 'SGLang',
  healthPath: '/health',
  capabilities: {
    tier: 'exact',
    stopTokenKept: true,
    promptVerbatim: true,
    logprobMode: 'unknown',
    canScore: true,
    canScoreTopK: true,
    versions: 'per_token',
  },
  async describe(link, signal) {
    const [model, policyVersion] = await Promise.all([
      listedModel(link, signal),
      weightVersion(link, '/get_model_info', signal),
    ]);
    return { ...model, policyVersion };
  },
  async generate(link, request, signal) {
    const { http, reader } = link;
    const body: JsonObject = {
      rid: request.requestId,
      input_ids: [...request.promptTokenIds],
      sampling_params: { ...samplingParams(request.sampling), n: request.n },
      return_logprob: true,
      // Of the output alone; 0 would send the whole prompt's along.
      logprob_start_len: -1,
      return_text_in_logprobs: false,
      stream: false,
      ...(request.sessionKey !== undefined && { routing_key: request.sessionKey }),
    };
    const headers = link.affinity(request);
    const answer = await http.call({ method: 'POST', path, body, headers, signal });
    // One continuation is an object, several are a list.
    const list = Array.isArray(answer) ? answer : [answer];
    return list.map((item, at) => readOne(link, reader.object(item, `[${at}]`)));
  },
  async score(link, request, signal) {
    const { http, reader } = link;
    const { tokenIds, k } = request;
    const body: JsonObject = {
      input_ids: [...tokenIds],
      sampling_params: samplingParams({ maxTokens: 1 }),
      return_logprob: true,
      logprob_start_len: 0,
      ...(k > 0 && { top_logprobs_num: k }),
      return_text_in_logprobs: false,
      stream: false,
    };
    const answer = reader.object(
      await http.call({ method: 'POST', path, body, signal }),
      'the answer',
    );
    const meta = reader.object(answer['meta_info'], 'meta_info');
    const listOf = (name: string) => {
      const list = reader.list(meta[name], `meta_info.${name}`);
      if (list.length === tokenIds.length) return list;
      const what = `holds ${list.length} positions of ${tokenIds.length}`;
      throw reader.bad(`meta_info.${name}`, what);
    };
    const own = listOf('input_token_logprobs');
    const top = k > 0 ? listOf('input_top_logprobs') : undefined;
    return readScores(link, request, (index) => {
      const path = `meta_info.input_token_logprobs[${index}]`;
      const topPath = `meta_info.input_top_logprobs[${index}]`;
      return {
        entries: [scoredEntry(reader, own[index], path)],
        ...(top !== undefined && {
          top: reader
            .list(top[index], topPath)
            .map((item, rank) => scoredEntry(reader, item, `${topPath}[${rank}]`)),
        }),
        path,
      };
    });
  },
};

/** Every filter is named: what is left out can be the server's own choice (`--sampling-defaults model`). */
function samplingParams(sampling: SamplingParameters): JsonObject {
  const { topK = 0, stopTokenIds = [] } = sampling;
  return {
    min_p: 0,
    repetition_penalty: 1,
    ...sampling.extra,
    temperature: sampling.temperature ?? 1,
    top_p: sampling.topP ?? 1,
    top_k: topK > 0 ? topK : -1,
    ...(sampling.maxTokens !== undefined && { max_new_tokens: sampling.maxTokens }),
    ...(sampling.seed !== undefined && { sampling_seed: sampling.seed }),
    ...(sampling.stop !== undefined && { stop: sampling.stop }),
    ...(stopTokenIds.length > 0 && { stop_token_ids: stopTokenIds }),
    skip_special_tokens: false,
    spaces_between_special_tokens: false,
    no_stop_trim: true,
  };
}

function readOne(link: EngineLink, answer: JsonObject): EngineGeneration {
  const { reader } = link;
  const meta = reader.object(answer['meta_info'], 'meta_info');
  const listed = meta['output_token_logprobs'];
  const path = 'meta_info.output_token_logprobs';
  const sampled = Array.isArray(answer['output_ids'])
    ? reader.sampledIds(answer['output_ids'], 'output_ids')
    : idsOfLogprobs(link, listed, readCount(meta['completion_tokens']));
  const { tokenIds } = sampled;
  const tokens = readCount(meta['prompt_tokens']);
  const text = readText(answer['text']);
  return {
    logprobs: undefined,
    ...reader.beside(sampled, () => ({
      logprobs: Array.isArray(listed)
        ? reader.logprobsOf(tokenIds, triples(link, listed, path), path)
        : undefined,
    })),
    finish: finishOf(meta['finish_reason']),
    versions: versionsOf(meta, tokenIds.length),
    ...(tokens !== undefined && { prompt: { tokens } }),
    ...(text !== undefined && { text }),
  };
}

/** Builds without `output_ids` name the ids in the logprobs alone, so none may be missing there. */
function idsOfLogprobs(
  { reader }: EngineLink,
  listed: unknown,
  completionTokens: number | undefined,
): SampledIds {
  if (!Array.isArray(listed)) {
    throw logprobsAmiss('LOGPROBS_MISSING', 'holds neither ids nor logprobs');
  }
  const ids = listed.map((item: unknown) => (Array.isArray(item) ? item[1] : null));
  const sampled = reader.sampledIds(ids, 'meta_info.output_token_logprobs');
  if (completionTokens === undefined || completionTokens === ids.length) return sampled;
  const what = `names ${ids.length} of ${completionTokens} sampled ids`;
  return { tokenIds: sampled.tokenIds, amiss: logprobsAmiss('LOGPROBS_LENGTH', what) };
}

function logprobsAmiss(reason: string, what: string): LachesisError {
  return modelError(`The answer of SGLang ${what}.`, {
    reason,
    remedy: 'Use a build of SGLang that answers with output_ids.',
  });
}

/** `{type: stop | length | abort}`; older builds a word. */
function finishOf(reason: unknown): EngineFinish {
  const type = isJsonObject(reason) ? reason['type'] : reason;
  return type === 'stop' || type === 'length' ? type : 'abort';
}

/** Newer builds tile the output; older ones name the version at its end, which is then said of all. */
function versionsOf(meta: JsonObject, length: number): EngineGeneration['versions'] {
  if (Array.isArray(meta['weight_versions'])) return readVersionSpans(meta['weight_versions']);
  const version = readVersion(meta['weight_version']);
  return version === undefined || length === 0 ? [] : [{ length, version }];
}

/** `[logprob, id, text]` each; the first of a prompt has no logprob. */
function triples(
  { reader }: EngineLink,
  value: unknown,
  path: string,
): { readonly id: unknown; readonly logprob: number }[] {
  return reader.list(value, path).map((item, at) => {
    const [logprob, id] = reader.list(item, `${path}[${at}]`);
    return { id, logprob: readLogprob(logprob) };
  });
}

function scoredEntry(reader: ReplyReader, item: unknown, path: string): ScoredEntry {
  const [logprob, id] = reader.list(item, path);
  return { id, logprob, path };
}
