import type { JsonObject } from '../../messages.ts';
import type { Engine, EngineFinish, EnginePrompt } from '../engine.ts';
import { modelError } from '../model-errors.ts';
import { createHttpEngine, type HttpEngineOptions, type Route } from './http-engine.ts';
import { type ReplyReader, readLogprob } from './read-reply.ts';
import { readScores } from './read-scores.ts';

/** TRL's own server, `trl vllm-serve`, by `POST /generate/`. Newer TRL starts a plain vLLM: use that engine then. */
export function createTrlEngine(options: HttpEngineOptions): Engine {
  return createHttpEngine(route, options);
}

const route: Route = {
  name: 'TRL',
  // The slash at the end is part of each route.
  healthPath: '/health/',
  capabilities: {
    tier: 'exact',
    stopTokenKept: true,
    promptVerbatim: true,
    // TRL starts vLLM with processed logprobs.
    logprobMode: 'processed',
    canScore: true,
    canScoreTopK: true,
    versions: 'none',
  },
  describe: async () => ({}),
  async generate({ http, reader, affinity }, request, signal) {
    const { sampling } = request;
    const { topK = 0, maxTokens, stopTokenIds = [] } = sampling;
    if (maxTokens === undefined) throw noLimit();
    const body: JsonObject = {
      prompts: [[...request.promptTokenIds]],
      n: request.n,
      repetition_penalty: 1,
      temperature: sampling.temperature ?? 1,
      top_p: sampling.topP ?? 1,
      top_k: topK > 0 ? topK : -1,
      min_p: 0,
      max_tokens: maxTokens,
      logprobs: 0,
      generation_kwargs: {
        ...sampling.extra,
        stop_token_ids: stopTokenIds,
        ...(sampling.seed !== undefined && { seed: sampling.seed }),
        ...(sampling.stop !== undefined && { stop: sampling.stop }),
      },
    };
    const headers = affinity(request);
    const value = await http.call({ method: 'POST', path: '/generate/', body, headers, signal });
    const answer = reader.object(value, 'the answer');
    const { logprobs, logprob_token_ids: ids } = answer;
    return reader.list(answer['completion_ids'], 'completion_ids').map((item, at) => {
      const sampled = reader.sampledIds(item, `completion_ids[${at}]`);
      const { tokenIds } = sampled;
      const columns = { logprobs: listAt(logprobs, at), ids: listAt(ids, at) };
      return {
        ...reader.beside(sampled, () => ({ prompt: promptOf(reader, answer['prompt_ids']) })),
        logprobs:
          columns.logprobs === undefined
            ? undefined
            : Float32Array.from(columns.logprobs, (row, position) =>
                logprobOf(tokenIds[position], row, columns.ids?.[position]),
              ),
        finish: finishOf(tokenIds, { stopTokenIds, maxTokens }),
        versions: [],
      };
    });
  },
  async score(link, request, signal) {
    const { http, reader } = link;
    const { tokenIds, k } = request;
    // Ranked, and the id's own stands last where it is not among them.
    const body: JsonObject = {
      sequences: [[...tokenIds]],
      prompt_lengths: [1],
      top_logprobs: Math.max(k, 1),
      temperature: 1,
      response_format: 'json',
    };
    const path = '/get_sequence_logprobs/';
    const value = await http.call({ method: 'POST', path, body, signal });
    const answer = reader.object(value, 'the answer');
    const rows = reader.list(listAt(answer['logprobs'], 0), 'logprobs[0]');
    const ids = reader.list(listAt(answer['logprob_token_ids'], 0), 'logprob_token_ids[0]');
    const positions = tokenIds.length - 1;
    for (const [name, { length }] of Object.entries({ logprobs: rows, logprob_token_ids: ids })) {
      if (length === positions) continue;
      throw reader.bad(`${name}[0]`, `holds ${length} positions of ${positions}`);
    }
    return readScores(link, request, (index) => {
      const path = `logprobs[0][${index - 1}]`;
      const row = reader.list(rows[index - 1], path);
      const entries = reader
        .list(ids[index - 1], `logprob_token_ids[0][${index - 1}]`)
        .map((id, rank) => ({ id, logprob: row[rank], path: `${path}[${rank}]` }));
      return { entries, path };
    });
  },
};

function promptOf(reader: ReplyReader, value: unknown): EnginePrompt {
  const tokenIds = reader.ids(reader.list(value, 'prompt_ids')[0], 'prompt_ids[0]');
  return { tokenIds, tokens: tokenIds.length };
}

/** The sampled id's own among those of its position; one without names is it, when it is alone. */
function logprobOf(id: number | undefined, row: unknown, ids: unknown): number {
  const values = listOf(row);
  if (!Array.isArray(ids)) return values.length === 1 ? readLogprob(values[0]) : Number.NaN;
  const at = ids.indexOf(id);
  return at < 0 ? Number.NaN : readLogprob(values[at]);
}

/** The server does not say why it stopped; what it gave does. */
function finishOf(
  tokenIds: Int32Array,
  {
    stopTokenIds,
    maxTokens,
  }: { readonly stopTokenIds: readonly number[]; readonly maxTokens: number },
): EngineFinish {
  if (stopTokenIds.includes(tokenIds.at(-1) ?? -1)) return 'stop';
  return tokenIds.length >= maxTokens ? 'length' : 'stop';
}

function listAt(value: unknown, at: number): readonly unknown[] | undefined {
  const item: unknown = Array.isArray(value) ? value[at] : undefined;
  return Array.isArray(item) ? item : undefined;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The server's own default is 16. */
function noLimit(): Error {
  return modelError('TRL has no "as many as fit".', {
    reason: 'MAX_TOKENS_MISSING',
    remedy: 'Give maxTokens in the sampling, or the engine its contextLength.',
    field: 'sampling.maxTokens',
  });
}
