import type { LachesisError } from '../../errors.ts';
import { isJsonObject, type JsonObject, type SamplingParameters } from '../../messages.ts';
import type { EngineDescription, EngineFinish } from '../engine.ts';
import { unreachable } from '../model-errors.ts';
import type { EngineLink, ScoreRequest, Scores } from './http-engine.ts';
import { type ReplyReader, readCount, readText, readVersion } from './read-reply.ts';
import { readScores } from './read-scores.ts';

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

/** `prompt_logprobs`: nothing for the first id, then `{id: {logprob, rank, decoded_token}}` for each. */
export function readPromptLogprobs(
  link: EngineLink,
  value: unknown,
  request: ScoreRequest,
): Scores {
  const { reader } = link;
  const list = reader.list(value, 'prompt_logprobs');
  const count = request.tokenIds.length;
  if (list.length !== count) {
    throw reader.bad('prompt_logprobs', `holds ${list.length} positions of ${count}`);
  }
  return readScores(link, request, (index) => {
    const path = `prompt_logprobs[${index}]`;
    const entries = Object.entries(reader.object(list[index], path)).map(([id, found]) => ({
      id,
      logprob: isJsonObject(found) ? found['logprob'] : undefined,
      path: `${path}[${reader.quote(JSON.stringify(id))}]`,
    }));
    return { entries, path };
  });
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
