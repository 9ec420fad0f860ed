import { LachesisError } from '../../errors.ts';
import type {
  Engine,
  EngineDescription,
  EngineFinish,
  EngineGeneration,
  EngineRequest,
} from '../engine.ts';
import { modelError } from '../model-errors.ts';

/** What a scripted engine answers to one request. */
export interface ScriptedReply {
  /** What it samples. Ids beyond the request's `maxTokens` are cut off, with finish `length`. */
  readonly tokenIds?: Iterable<number>;
  /** Encoded by the engine's `encode`, and closed by `endTokenId` where there is one; in place of `tokenIds`. */
  readonly text?: string;
  /** One per id. Default: -0.5 each. `null`: the engine gives none. */
  readonly logprobs?: readonly number[] | null;
  /** Default: `stop`. */
  readonly finish?: EngineFinish;
  /** Default: all under the described version, or none. */
  readonly versions?: EngineGeneration['versions'];
  /** Thrown in place of an answer. */
  readonly error?: unknown;
  /** With a LachesisError: ids that were sampled before it. Default: 0. */
  readonly sampledBeforeError?: number;
  /** The answer waits for it; an abort ends the wait. */
  readonly after?: Promise<unknown>;
  /** Ids that count as sampled when the wait is aborted. Default: 0. */
  readonly sampledBeforeAbort?: number;
}

export interface ScriptedEngineOptions {
  /** In order, or a function of the request. A list that is used up is a `model_error`. */
  readonly replies:
    | readonly ScriptedReply[]
    | ((request: EngineRequest, index: number) => ScriptedReply | Promise<ScriptedReply>);
  /** Default: a model `scripted` of 1,000,000 ids and no context limit. */
  readonly description?: Partial<EngineDescription>;
  /** For replies that are text. */
  readonly encode?: (text: string) => Int32Array;
  readonly endTokenId?: number;
}

/** The engine's own log of one request: the truth that segments are held against. */
export interface ScriptedCall {
  readonly request: EngineRequest;
  readonly promptTokenIds: Int32Array;
  /** Empty until it has answered. */
  readonly sampledTokenIds: Int32Array;
  readonly state: 'waiting' | 'answered' | 'aborted' | 'failed';
}

export interface ScriptedEngine extends Engine {
  readonly calls: readonly ScriptedCall[];
  /** Resolves with the log once the nth request (0-based) has arrived. */
  arrived(index: number): Promise<ScriptedCall>;
}

/** An engine that samples what it is told, for tests and examples. It sees aborts as a real one does. */
export function createScriptedEngine(options: ScriptedEngineOptions): ScriptedEngine {
  const description: EngineDescription = {
    model: 'scripted',
    vocabularySize: 1_000_000,
    contextLength: undefined,
    rendering: { tokenizerSha256: '', templateSha256: '' },
    logprobMode: 'processed',
    policyVersion: undefined,
    ...options.description,
  };
  const calls: ScriptedCall[] = [];
  const arrivals: PromiseWithResolvers<ScriptedCall>[] = [];
  const arrival = (index: number): PromiseWithResolvers<ScriptedCall> => {
    while (arrivals.length <= index) arrivals.push(Promise.withResolvers());
    return arrivals[index]!;
  };

  const { replies } = options;
  const replyTo = async (request: EngineRequest, index: number): Promise<ScriptedReply> => {
    if (typeof replies === 'function') return replies(request, index);
    const reply = replies[index];
    if (reply !== undefined) return reply;
    throw modelError(`The script has ${replies.length} replies; this is request ${index + 1}.`, {
      reason: 'SCRIPT_EXHAUSTED',
      remedy: 'Add a reply, or give a function.',
    });
  };

  return {
    calls,
    arrived: (index) => arrival(index).promise,
    describe: async () => description,
    close: async () => {},
    async generate(request, { signal }) {
      const index = calls.length;
      const promptTokenIds = request.promptTokenIds.slice();
      const log = (
        state: ScriptedCall['state'],
        sampledTokenIds: Int32Array = new Int32Array(0),
      ): void => {
        calls[index] = { request, promptTokenIds, sampledTokenIds, state };
      };
      log('waiting');
      arrival(index).resolve(calls[index]!);
      try {
        const reply = await replyTo(request, index);
        const whole = generationOf(reply, request, { ...options, description });
        const aborted = await waitFor(reply.after, signal);
        if (aborted) {
          const partial = cut(whole, reply.sampledBeforeAbort ?? 0, 'abort');
          log('aborted', partial.tokenIds);
          return partial;
        }
        const { error, sampledBeforeError = 0 } = reply;
        if (error instanceof LachesisError && sampledBeforeError > 0) {
          const partial = cut(whole, sampledBeforeError, 'abort');
          log('failed', partial.tokenIds);
          return { ...partial, failure: error };
        }
        if (error !== undefined) throw error;
        log('answered', whole.tokenIds);
        return whole;
      } catch (error) {
        log('failed');
        throw error;
      }
    },
  };
}

function generationOf(
  reply: ScriptedReply,
  request: EngineRequest,
  options: Pick<ScriptedEngineOptions, 'encode' | 'endTokenId'> & {
    readonly description: EngineDescription;
  },
): EngineGeneration {
  const tokenIds = Int32Array.from(reply.tokenIds ?? encoded(reply.text, options));
  const { logprobs } = reply;
  const { policyVersion } = options.description;
  const versions =
    policyVersion === undefined || tokenIds.length === 0
      ? []
      : [{ length: tokenIds.length, version: policyVersion }];
  const whole: EngineGeneration = {
    tokenIds,
    logprobs:
      logprobs === null
        ? undefined
        : Float32Array.from(logprobs ?? Array.from(tokenIds, () => -0.5)),
    finish: reply.finish ?? 'stop',
    versions: reply.versions ?? versions,
  };
  const { maxTokens } = request.sampling;
  return maxTokens !== undefined && maxTokens < tokenIds.length
    ? cut(whole, maxTokens, 'length')
    : whole;
}

function encoded(
  text: string | undefined,
  { encode, endTokenId }: Pick<ScriptedEngineOptions, 'encode' | 'endTokenId'>,
): number[] {
  if (text === undefined) return [];
  if (encode === undefined) {
    throw modelError('A scripted reply is text and the engine has no encode.', {
      reason: 'SCRIPT_WITHOUT_ENCODE',
    });
  }
  return [...encode(text), ...(endTokenId === undefined ? [] : [endTokenId])];
}

function cut(whole: EngineGeneration, count: number, finish: EngineFinish): EngineGeneration {
  const tokenIds = whole.tokenIds.slice(0, count);
  let left = tokenIds.length;
  const versions = whole.versions.flatMap(({ length, version }) => {
    const take = Math.min(length, left);
    left -= take;
    return take > 0 ? [{ length: take, version }] : [];
  });
  return { tokenIds, logprobs: whole.logprobs?.slice(0, count), finish, versions };
}

/** True when the signal fired first. */
async function waitFor(after: Promise<unknown> | undefined, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return true;
  if (after === undefined) return false;
  const fired = Promise.withResolvers<true>();
  const onAbort = (): void => fired.resolve(true);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([after.then(() => false), fired.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
