import OpenAI, { type ClientOptions } from 'openai';
import type { ChatCompletionCreateParamsNonStreaming } from 'openai/resources/chat/completions';
import { Agent, fetch as undiciFetch } from 'undici';
import { MAX_TIMER_MS } from '../../async/index.ts';
import { invalidInput } from '../../errors.ts';
import { callDeadline } from '../call-deadline.ts';
import { modelTimeout } from '../model-errors.ts';
import {
  type Completion,
  type CompletionRequest,
  directRecord,
  type ModelServer,
  type ModelSession,
} from '../model-server.ts';
import { chatRequestBody } from './chat-request.ts';
import { type CallIds, readChatResponse } from './chat-response.ts';
import { directError } from './direct-errors.ts';

export interface DirectServerOptions {
  /** Of the API, usually ending in `/v1`. */
  readonly baseUrl: string;
  readonly model: string;
  /** Sent as a bearer token; absent: no authorization header. Nothing is read from the environment. */
  readonly apiKey?: string;
  /** Longest a call may take, its answer's body included. Default: 10 minutes; 0 for no limit. */
  readonly timeoutMs?: number;
  /** Calls in flight at once; more wait in this process. Default: 64. */
  readonly maxConnections?: number;
  /** Largest answer. Default: 64 MiB. */
  readonly maxResponseBytes?: number;
  /** Sent with every call. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Where earlier reasoning is sent back to the model. Default: `reasoning_content`; `none` drops it. */
  readonly reasoningField?: 'reasoning_content' | 'reasoning' | 'none';
  /** Default: `max_tokens`; OpenAI's reasoning models want the longer name. */
  readonly maxTokensField?: 'max_tokens' | 'max_completion_tokens';
}

/**
 * A model server over any OpenAI-compatible chat API. It never retries: sampling is not idempotent,
 * so whoever owns the rollout decides. Its sessions hold no tokens.
 */
export function createDirectServer(options: DirectServerOptions): ModelServer {
  const config = resolve(options);
  const agent = new Agent({
    connections: config.maxConnections,
    connect: { timeout: 5_000 },
    // A generation may take longer than undici's 300 s; the deadline is ours.
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: 4_000,
    maxResponseSize: config.maxResponseBytes,
  });
  const client = new OpenAI(clientOptions(config, agent));
  return {
    kind: 'direct',
    model: config.dialect.model,
    openSession: () => createDirectSession(client, config),
    close: () => agent.destroy(),
  };
}

function createDirectSession(client: OpenAI, config: DirectConfig): ModelSession {
  let modelCalls = 0;
  const callIds: CallIds = new Set();
  return {
    async complete(request: CompletionRequest, { signal }): Promise<Completion> {
      signal.throwIfAborted();
      const body = chatRequestBody(request, config.dialect);
      modelCalls += 1;
      using deadline = callDeadline(config.timeoutMs, signal);
      try {
        const answer: unknown = await client.chat.completions.create(
          body as unknown as ChatCompletionCreateParamsNonStreaming,
          { signal: deadline.signal },
        );
        return readChatResponse(answer, callIds);
      } catch (thrown) {
        if (deadline.expired)
          throw modelTimeout('The model server gave no answer', config.timeoutMs);
        signal.throwIfAborted();
        throw directError(thrown, config.baseUrl);
      }
    },
    record: () => directRecord(modelCalls),
  };
}

type DirectConfig = ReturnType<typeof resolve>;

function resolve(options: DirectServerOptions) {
  if (!URL.canParse(options.baseUrl) || !/^https?:/.test(options.baseUrl)) {
    const given = JSON.stringify(options.baseUrl);
    throw invalidInput('baseUrl', `${given} is no http(s) URL, such as http://127.0.0.1:8000/v1.`);
  }
  if (options.model === '') throw invalidInput('model', 'is empty; name a model of the server.');
  const { reasoningField = 'reasoning_content' } = options;
  return Object.freeze({
    baseUrl: options.baseUrl,
    apiKey: options.apiKey,
    timeoutMs: options.timeoutMs ?? 600_000,
    maxConnections: options.maxConnections ?? 64,
    maxResponseBytes: options.maxResponseBytes ?? 64 * 1_048_576,
    headers: options.headers ?? {},
    dialect: {
      model: options.model,
      reasoningField: reasoningField === 'none' ? undefined : reasoningField,
      maxTokensField: options.maxTokensField ?? 'max_tokens',
    },
  });
}

function clientOptions(config: DirectConfig, agent: Agent): ClientOptions {
  return {
    baseURL: config.baseUrl,
    apiKey: config.apiKey ?? 'none',
    // null keeps the client from reading the environment.
    adminAPIKey: null,
    organization: null,
    project: null,
    webhookSecret: null,
    defaultHeaders: {
      ...config.headers,
      ...(config.apiKey === undefined && { authorization: null }),
    },
    maxRetries: 0,
    // Our deadline comes first and covers the body too; this one only must not come before it.
    timeout:
      config.timeoutMs > 0 ? Math.min(config.timeoutMs + 60_000, MAX_TIMER_MS) : MAX_TIMER_MS,
    logLevel: 'off',
    // An Agent works only with the fetch of its own undici, so both come from the dependency.
    fetch: undiciFetch as unknown as NonNullable<ClientOptions['fetch']>,
    fetchOptions: { dispatcher: agent } as NonNullable<ClientOptions['fetchOptions']>,
  };
}
