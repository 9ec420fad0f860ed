import type { LachesisError } from '../../errors.ts';
import { isJsonObject, type JsonObject } from '../../messages.ts';
import { type ChatDialect, chatRequestBody } from '../direct/chat-request.ts';
import { type CallIds, readChatResponse } from '../direct/chat-response.ts';
import type { EngineGeneration } from '../engine.ts';
import type { EngineConnection } from '../engines/engine-connection.ts';
import { engineError } from '../engines/engine-errors.ts';
import type { JsonCall } from '../engines/json-http.ts';
import { type ReplyReader, readCount, readLogprob, spelledId } from '../engines/read-reply.ts';
import { openaiFinish, streamEnded } from '../engines/vllm-shape.ts';
import { modelError } from '../model-errors.ts';
import type { Completion, CompletionRequest } from '../model-server.ts';
import { ChatAssembly } from './chat-stream.ts';

/** What the server said of one call: what it read and sampled, and the message that it made of that. */
export interface CapturedReply {
  /** The prompt as the server rendered it; undefined where the ids alone could be read. Such a turn is refused. */
  readonly promptTokenIds: Int32Array | undefined;
  readonly generation: EngineGeneration;
  readonly completion: Completion;
}

export interface ChatCall {
  readonly request: CompletionRequest;
  readonly requestId: string;
  /** The rollout, for a router and the prefix cache. */
  readonly sessionId: string;
  readonly logprobs: boolean;
  readonly signal: AbortSignal;
}

export interface ChatRoute {
  /** Of the request; the model may be absent, then the server takes its first. */
  readonly dialect: Omit<ChatDialect, 'model'> & { readonly model: string | undefined };
  readonly affinityHeader: string | undefined;
  readonly stream: boolean;
  /** Most tokens of prompt and continuation; undefined when unknown. */
  readonly contextLength: number | undefined;
}

const path = '/v1/chat/completions';

/** One `POST /v1/chat/completions` of vLLM with `return_token_ids`. */
export async function vllmChat(
  connection: EngineConnection,
  route: ChatRoute,
  call: ChatCall,
  ids: CallIds,
): Promise<CapturedReply> {
  const headers =
    route.affinityHeader === undefined ? {} : { [route.affinityHeader]: call.sessionId };
  return await connection.retried(call.signal, async (signal, repeats) => {
    // The engine may still hold the id of the call that was given up.
    const requestId = repeats === 0 ? call.requestId : `${call.requestId}~${repeats}`;
    const body = chatBody(route, { ...call, requestId });
    const posted = { method: 'POST', path, body, headers, signal } as const;
    if (route.stream) return await streamed(connection, posted, { route, call, ids });
    return readReply(connection, await connection.http.call(posted), { route, call, ids });
  });
}

/** The same call, read event by event: what came before an abort or a break is the reply. */
async function streamed(
  connection: EngineConnection,
  posted: JsonCall,
  context: { readonly route: ChatRoute; readonly call: ChatCall; readonly ids: CallIds },
): Promise<CapturedReply> {
  const assembly = new ChatAssembly(connection.reader);
  const read = (): CapturedReply => readReply(connection, assembly.answer(), context);
  try {
    const headers = { ...posted.headers, accept: 'text/event-stream' };
    for await (const event of connection.http.events({ ...posted, headers })) assembly.add(event);
    if (!assembly.isFinished) throw streamEnded();
  } catch (thrown) {
    if (assembly.sampled === 0) throw thrown;
    const reply = read();
    if (context.call.signal.aborted) return reply;
    return { ...reply, generation: { ...reply.generation, failure: engineError(thrown) } };
  }
  return read();
}

/**
 * Every filter is named, the neutral ones too: what is left out the server takes from the model's own
 * generation config, and its logprobs are then of another distribution.
 */
function chatBody({ dialect, stream }: ChatRoute, call: ChatCall): JsonObject {
  const { model, ...spelling } = dialect;
  const { model: _, ...asked } = chatRequestBody(call.request, { ...spelling, model: model ?? '' });
  return {
    min_p: 0,
    repetition_penalty: 1,
    presence_penalty: 0,
    frequency_penalty: 0,
    temperature: 1,
    top_p: 1,
    top_k: 0,
    ...asked,
    ...(model !== undefined && { model }),
    n: 1,
    stream,
    ...(stream && { stream_options: { include_usage: true } }),
    // 0 is the sampled token alone; null would be none.
    ...(call.logprobs && { logprobs: true, top_logprobs: 0, return_tokens_as_token_ids: true }),
    return_token_ids: true,
    request_id: call.requestId,
    session_id: call.sessionId,
  };
}

function readReply(
  { reader }: EngineConnection,
  value: unknown,
  { route, call, ids }: { route: ChatRoute; call: ChatCall; ids: CallIds },
): CapturedReply {
  const answer = reader.object(value, 'the answer');
  // First, since it reads an error that comes as an answer.
  const completion = readChatResponse(answer, ids);
  const choice = reader.object(reader.list(answer['choices'], 'choices')[0], 'choices[0]');
  const { token_ids: sampledIds, finish_reason: finish } = choice;
  if (!Array.isArray(sampledIds)) throw idsMissing('choices[0].token_ids');
  const usage = isJsonObject(answer['usage']) ? answer['usage'] : {};
  const read = readCount(usage['prompt_tokens']);
  const { promptTokenIds, ...sampled } = reader.beside(
    reader.sampledIds(sampledIds, 'choices[0].token_ids'),
    () => {
      reader.object(choice['message'], 'choices[0].message');
      return { promptTokenIds: readPrompt(reader, answer['prompt_token_ids']) };
    },
  );
  const { tokenIds } = sampled;
  const generation: EngineGeneration = {
    logprobs: undefined,
    ...reader.beside(sampled, () => ({
      logprobs: readChatLogprobs(reader, choice['logprobs'], tokenIds),
    })),
    finish: openaiFinish(finish === 'tool_calls' ? 'stop' : finish),
    versions: [],
    ...(read !== undefined && { prompt: { tokens: read } }),
  };
  const promptTokens = promptTokenIds?.length ?? 0;
  const isFull = tokenIds.length >= roomFor(promptTokens, { route, call });
  return {
    promptTokenIds,
    generation: isFull ? { ...generation, finish: 'length' } : generation,
    completion: {
      ...completion,
      // vLLM says `tool_calls` wherever it found one, in a text that was cut off too; such a call may not run.
      ...(isFull && { finishReason: 'length' }),
      promptTokens,
      completionTokens: tokenIds.length,
    },
  };
}

function readPrompt(reader: ReplyReader, value: unknown): Int32Array {
  if (!Array.isArray(value)) throw idsMissing('prompt_token_ids');
  const ids = reader.ids(value, 'prompt_token_ids');
  const odd = ids.findIndex((id) => id < 0);
  if (odd < 0 && ids.length > 0) return ids;
  throw reader.bad('prompt_token_ids', odd >= 0 ? `has a negative id at ${odd}` : 'is empty');
}

/** How many tokens a turn could have before it was cut off. */
function roomFor(
  promptTokens: number,
  { route, call }: { readonly route: ChatRoute; readonly call: ChatCall },
): number {
  const { maxTokens = Infinity } = call.request.sampling;
  return Math.min(maxTokens, (route.contextLength ?? Infinity) - promptTokens);
}

function readChatLogprobs(
  reader: ReplyReader,
  value: unknown,
  tokenIds: Int32Array,
): Float32Array | undefined {
  const { content } = isJsonObject(value) ? value : {};
  if (!Array.isArray(content)) return undefined;
  const path = 'choices[0].logprobs.content';
  const entries = content.map((item: unknown, at) => {
    const { token, logprob } = reader.object(item, `${path}[${at}]`);
    return { id: spelledId(token), logprob: readLogprob(logprob) };
  });
  return reader.logprobsOf(tokenIds, entries, path);
}

function idsMissing(field: string): LachesisError {
  return modelError(`vLLM’s chat gave no ${field}, so nobody knows what it read and sampled.`, {
    reason: 'TOKEN_IDS_MISSING',
    remedy:
      'Serve the model with `vllm serve` of 0.10.2 or later, which knows return_token_ids, and ask it directly: ' +
      'a proxy may drop the ids, and include_reasoning false hides them. Or play without tokens: --openai-url.',
    field,
  });
}
