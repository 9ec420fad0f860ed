import type { LachesisError } from '../../errors.ts';
import { isJsonObject, type JsonObject, type SamplingParameters } from '../../messages.ts';
import type { EngineDescription, EngineFinish } from '../engine.ts';
import { unreachable } from '../model-errors.ts';
import type { EngineLink, ScoreRequest } from './http-engine.ts';
import { type ReplyReader, readCount, readLogprob, readText, readVersion } from './read-reply.ts';

/**
 * A request's sampling as vLLM has it. Every filter is named, the neutral ones too: what is left out
 * the server takes from the model's own generation config, and its logprobs are then of another distribution.
 */
export function vllmSampling(sampling: SamplingParameters): JsonObject {
  return {
    min_p: 0,
    repetition_penalty: 1,
    ...sampling.extra,
    temperature: sampling.temperature ?? 1,
    top_p: sampling.topP ?? 1,
    top_k: sampling.topK ?? 0,
    ...(sampling.maxTokens !== undefined && { max_tokens: sampling.maxTokens }),
    ...(sampling.seed !== undefined && { seed: sampling.seed }),
    ...(sampling.stop !== undefined && { stop: sampling.stop }),
    stop_token_ids: sampling.stopTokenIds ?? [],
    skip_special_tokens: false,
    spaces_between_special_tokens: false,
  };
}

/** `stop`, `length` and `abort`; whatever else ended it cut it off. */
export function openaiFinish(reason: unknown): EngineFinish {
  return reason === 'stop' || reason === 'length' ? reason : 'abort';
}

/** `GET /v1/models`, as vLLM and SGLang answer it. */
export async function listedModel(
  { http, reader }: EngineLink,
  signal: AbortSignal,
): Promise<Partial<Pick<EngineDescription, 'model' | 'contextLength'>>> {
  const body = reader.object(
    await http.call({ method: 'GET', path: '/v1/models', signal }),
    'models',
  );
  const first = reader.list(body['data'], 'data')[0];
  if (!isJsonObject(first)) return {};
  const model = readText(first['id']);
  const contextLength = readCount(first['max_model_len']);
  return {
    ...(model !== undefined && { model }),
    ...(contextLength !== undefined && { contextLength }),
  };
}

/** `GET path` of a control plane that may be off; undefined where it is. */
export async function weightVersion(
  { http }: EngineLink,
  path: string,
  signal: AbortSignal,
): Promise<number | undefined> {
  try {
    const body = await http.call({ method: 'GET', path, signal });
    return isJsonObject(body) ? readVersion(body['weight_version']) : undefined;
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}

/**
 * `prompt_logprobs`: nothing for the first id, then `{id: {logprob, rank, decoded_token}}` for each.
 * A position that lacks its own id has no logprob.
 */
export function readPromptLogprobs(
  { reader }: EngineLink,
  value: unknown,
  { tokenIds, k }: ScoreRequest,
): { logprobs: Float32Array; topIds: Int32Array; topLogprobs: Float32Array } {
  const list = reader.list(value, 'prompt_logprobs');
  if (list.length !== tokenIds.length) {
    throw reader.bad('prompt_logprobs', `holds ${list.length} positions of ${tokenIds.length}`);
  }
  const positions = tokenIds.length - 1;
  const logprobs = new Float32Array(positions).fill(Number.NaN);
  const topIds = new Int32Array(positions * k).fill(-1);
  const topLogprobs = new Float32Array(positions * k).fill(-Infinity);
  for (let at = 0; at < positions; at++) {
    const entry = list[at + 1];
    if (!isJsonObject(entry)) continue;
    const ranked = Object.entries(entry).map(([id, found]) => ({
      id: Number(id),
      logprob: isJsonObject(found) ? readLogprob(found['logprob']) : Number.NaN,
    }));
    const own = ranked.find(({ id }) => id === tokenIds[at + 1]);
    if (own !== undefined) logprobs[at] = own.logprob;
    ranked
      .filter(({ logprob }) => !Number.isNaN(logprob))
      .sort((a, b) => b.logprob - a.logprob)
      .slice(0, k)
      .forEach(({ id, logprob }, rank) => {
        topIds[at * k + rank] = id;
        topLogprobs[at * k + rank] = logprob;
      });
  }
  return { logprobs, topIds, topLogprobs };
}

/** An event that tells of an error in place of a piece. */
export function streamError(error: JsonObject, reader: ReplyReader): LachesisError {
  const said = reader.quote(typeof error['message'] === 'string' ? error['message'] : error, 400);
  return unreachable(`vLLM ended its stream with an error: ${said}`, {
    reason: 'ENGINE_UNAVAILABLE',
  });
}

export function streamEnded(): LachesisError {
  return unreachable('The stream of vLLM ended without a finish reason.', {
    reason: 'ENGINE_REPLY_CUT_OFF',
  });
}
