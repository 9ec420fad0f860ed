import type { LachesisError } from '../../errors.ts';
import { isJsonObject, type JsonObject } from '../../messages.ts';
import type { Engine, EngineGeneration, EngineRequest } from '../engine.ts';
import { engineError } from './engine-errors.ts';
import {
  createHttpEngine,
  type EngineLink,
  type HttpEngineOptions,
  type Route,
} from './http-engine.ts';
import { readChoices } from './read-choices.ts';
import { readCount, readLogprob, readVersionSpans, spelledId } from './read-reply.ts';
import {
  listedModel,
  openaiFinish,
  readPromptLogprobs,
  streamEnded,
  streamError,
  vllmSampling,
  weightVersion,
} from './vllm-shape.ts';

export interface VllmEngineOptions extends HttpEngineOptions {
  /**
   * Read the tokens as they are sampled, so that a call that is aborted or breaks leaves a record of
   * them. Needs a vLLM that streams this route. Default: false.
   */
  readonly stream?: boolean;
}

/** vLLM by its token route, `POST /inference/v1/generate` (0.11.1 and later). */
export function createVllmEngine(options: VllmEngineOptions): Engine {
  return createHttpEngine(
    options.stream === true ? { ...route, generate: streamed } : route,
    options,
  );
}

const path = '/inference/v1/generate';

const route: Route = {
  name: 'vLLM',
  healthPath: '/health',
  capabilities: {
    tier: 'exact',
    stopTokenKept: true,
    promptVerbatim: true,
    // `--logprobs-mode` decides, and nothing in an answer says which it is.
    logprobMode: 'unknown',
    canScore: true,
    canScoreTopK: true,
    versions: 'per_token',
  },
  async describe(link, signal) {
    const [model, policyVersion] = await Promise.all([
      listedModel(link, signal),
      weightVersion(link, '/weight_info', signal),
    ]);
    return { ...model, policyVersion };
  },
  async generate(link, request, signal) {
    const { reader } = link;
    const answer = reader.object(await post(link, bodyOf(request), request, signal), 'the answer');
    return readChoices(link, answer['choices'], request.n, (choice, path) => ({
      ...reader.beside(readPiece(link, choice, path), () => promptOf(link, answer)),
      finish: openaiFinish(choice['finish_reason']),
      versions: readVersionSpans(choice['weight_versions']),
    }));
  },
  async score(link, request, signal) {
    const body: JsonObject = {
      request_id: `score-${crypto.randomUUID()}`,
      token_ids: [...request.tokenIds],
      sampling_params: {
        ...vllmSampling({ maxTokens: 1 }),
        prompt_logprobs: request.k,
      },
      stream: false,
      ...(request.modelName !== undefined && { model: request.modelName }),
    };
    const answer = await link.http.call({ method: 'POST', path, body, signal });
    const { prompt_logprobs } = link.reader.object(answer, 'the answer');
    return readPromptLogprobs(link, prompt_logprobs, request);
  },
  async tokenize(link, text, signal) {
    const answer = await link.http.call({
      method: 'POST',
      path: '/tokenize',
      body: { prompt: text, add_special_tokens: false },
      signal,
    });
    return link.reader.ids(link.reader.object(answer, 'the answer')['tokens'], 'tokens');
  },
};

type Request = EngineRequest & { readonly n: number; readonly modelName: string | undefined };

function bodyOf(request: Request): JsonObject {
  return {
    request_id: request.requestId,
    token_ids: [...request.promptTokenIds],
    sampling_params: {
      ...vllmSampling(request.sampling),
      n: request.n,
      // 0 is the sampled token alone; left out, there are none.
      logprobs: 0,
    },
    stream: false,
    ...(request.modelName !== undefined && { model: request.modelName }),
  };
}

function post(
  { http, affinity }: EngineLink,
  body: JsonObject,
  request: Request,
  signal: AbortSignal,
): Promise<unknown> {
  return http.call({ method: 'POST', path, body, headers: affinity(request), signal });
}

type Piece = Pick<EngineGeneration, 'tokenIds' | 'logprobs' | 'amiss'>;

/** What one answer, or one event of a stream, holds of a continuation. */
function readPiece({ reader }: EngineLink, choice: JsonObject, at: string): Piece {
  const sampled = reader.sampledIds(choice['token_ids'], `${at}.token_ids`);
  const { content } = isJsonObject(choice['logprobs']) ? choice['logprobs'] : {};
  if (!Array.isArray(content)) return { ...sampled, logprobs: undefined };
  const path = `${at}.logprobs.content`;
  return {
    logprobs: undefined,
    ...reader.beside(sampled, () => {
      const entries = content.map((value, index) => {
        const entry = reader.object(value, `${path}[${index}]`);
        return { id: idOf(entry), logprob: readLogprob(entry['logprob']) };
      });
      return { logprobs: reader.logprobsOf(sampled.tokenIds, entries, path) };
    }),
  };
}

/** Newer servers give `token_id`; older ones the chat shape, whose `token` is `token_id:N`. */
function idOf({ token_id: id, token }: JsonObject): number | undefined {
  return typeof id === 'number' ? id : spelledId(token);
}

function promptOf({ reader }: EngineLink, answer: JsonObject): Pick<EngineGeneration, 'prompt'> {
  const usage = isJsonObject(answer['usage']) ? answer['usage'] : {};
  const tokens = readCount(usage['prompt_tokens']);
  const ids = answer['prompt_token_ids'];
  if (tokens === undefined && !Array.isArray(ids)) return {};
  return {
    prompt: {
      ...(tokens !== undefined && { tokens }),
      ...(Array.isArray(ids) && { tokenIds: reader.ids(ids, 'prompt_token_ids') }),
    },
  };
}

/** The same call, read event by event: what came before an abort or a break is the result. */
async function streamed(
  link: EngineLink,
  request: Request,
  signal: AbortSignal,
): Promise<readonly EngineGeneration[]> {
  const { http, reader } = link;
  const parts = Array.from({ length: request.n }, () => new Continuation());
  const body = { ...bodyOf(request), stream: true };
  try {
    const events = http.events({
      method: 'POST',
      path,
      body,
      headers: { ...link.affinity(request), accept: 'text/event-stream' },
      signal,
    });
    for await (const value of events) {
      const event = reader.object(value, 'an event');
      if (isJsonObject(event['error'])) throw streamError(event['error'], reader);
      for (const item of reader.list(event['choices'], 'choices')) {
        const choice = reader.object(item, 'choices[]');
        // One needs no index to be known.
        const { index = 0 } = request.n === 1 ? {} : choice;
        const part = typeof index === 'number' ? parts[index] : undefined;
        if (part === undefined) throw reader.bad('choices[].index', 'is of no continuation');
        part.add(readPiece(link, choice, 'choices[]'), choice);
      }
    }
    if (parts.some(({ finish }) => finish === undefined)) throw streamEnded();
  } catch (thrown) {
    if (parts.every(({ length }) => length === 0)) throw thrown;
    if (signal.aborted) return parts.map((part) => part.build());
    const failure = engineError(thrown);
    return parts.map((part) => ({ ...part.build(), failure }));
  }
  return parts.map((part) => part.build());
}

class Continuation {
  readonly #ids: number[] = [];
  readonly #logprobs: number[] = [];
  #versions: unknown;
  #amiss: LachesisError | undefined;
  finish: unknown;

  get length(): number {
    return this.#ids.length;
  }

  add(piece: Piece, choice: JsonObject): void {
    this.#amiss ??= piece.amiss;
    for (const id of piece.tokenIds) this.#ids.push(id);
    for (const logprob of piece.logprobs ?? []) this.#logprobs.push(logprob);
    // Only the last event has them, over the whole output.
    if (Array.isArray(choice['weight_versions'])) this.#versions = choice['weight_versions'];
    if (typeof choice['finish_reason'] === 'string') this.finish = choice['finish_reason'];
  }

  build(): EngineGeneration {
    return {
      tokenIds: Int32Array.from(this.#ids),
      logprobs: this.#logprobs.length > 0 ? Float32Array.from(this.#logprobs) : undefined,
      finish: openaiFinish(this.finish),
      versions: readVersionSpans(this.#versions),
      ...(this.#amiss !== undefined && { amiss: this.#amiss }),
    };
  }
}
