import { invalidInput, type LachesisError } from '../../errors.ts';
import type { RenderingFingerprint } from '../../tokens/index.ts';
import type {
  Engine,
  EngineCapabilities,
  EngineDescription,
  EngineGeneration,
  EngineRequest,
  TopLogprobs,
} from '../engine.ts';
import { modelError } from '../model-errors.ts';
import { type ConnectionOptions, EngineConnection } from './engine-connection.ts';
import type { JsonHttp } from './json-http.ts';
import type { ReplyReader } from './read-reply.ts';

/** Options of every engine behind an HTTP server. */
export interface HttpEngineOptions extends Omit<ConnectionOptions, 'name'> {
  /** Valid ids are below it: the renderer's `vocabularySize`. No engine tells it. */
  readonly vocabularySize: number;
  /** The name to ask for. Default: the first that the server lists. */
  readonly model?: string;
  /** Default: what the server says, where it says it. */
  readonly contextLength?: number;
  /** Of the tokenizer and template that the server was started with, where it is known. */
  readonly rendering?: RenderingFingerprint;
  /** As the server was started. Default: a probe finds it. */
  readonly logprobMode?: 'raw' | 'processed';
  /** Header that carries a call's session key, for a router in between: `X-SMG-Routing-Key`. Default: none. */
  readonly affinityHeader?: string;
}

/** What one kind of server is spoken to with. */
export interface Route {
  /** Names the server in messages. */
  readonly name: string;
  readonly capabilities: EngineCapabilities;
  /** What the server says of itself; what is absent is taken from the options. */
  describe(
    link: EngineLink,
    signal: AbortSignal,
  ): Promise<Partial<Pick<EngineDescription, 'model' | 'contextLength' | 'policyVersion'>>>;
  /** One prompt, `n` continuations. */
  generate(
    link: EngineLink,
    request: EngineRequest & { readonly n: number; readonly modelName: string | undefined },
    signal: AbortSignal,
  ): Promise<readonly EngineGeneration[]>;
  readonly healthPath: string;
  score?: (link: EngineLink, request: ScoreRequest, signal: AbortSignal) => Promise<Scores>;
  tokenize?: (link: EngineLink, text: string, signal: AbortSignal) => Promise<Int32Array>;
}

export interface ScoreRequest {
  readonly tokenIds: Int32Array;
  /** 0: only the ids' own logprobs. */
  readonly k: number;
  readonly modelName: string | undefined;
}

/** As {@link TopLogprobs}, which also has `k`. */
export type Scores = Omit<TopLogprobs, 'k'>;

/** The way to one server. */
export interface EngineLink {
  readonly http: JsonHttp;
  readonly reader: ReplyReader;
  /** Valid ids are below it. */
  readonly vocabularySize: number;
  /** Headers of a call in a session. */
  affinity(request: EngineRequest): Readonly<Record<string, string>>;
}

/** An engine behind an HTTP server: deadlines, repeats and checks around what its route says. */
export function createHttpEngine(route: Route, options: HttpEngineOptions): Engine {
  if (!Number.isInteger(options.vocabularySize) || options.vocabularySize < 1) {
    throw invalidInput('vocabularySize', `is ${options.vocabularySize}; give the renderer's own.`);
  }
  const connection = new EngineConnection({ ...options, name: route.name });
  const { http, reader } = connection;
  const link: EngineLink = {
    http,
    reader,
    vocabularySize: options.vocabularySize,
    affinity: ({ sessionKey }) =>
      options.affinityHeader === undefined || sessionKey === undefined
        ? {}
        : { [options.affinityHeader]: sessionKey },
  };

  async function generate(
    request: EngineRequest & { readonly n: number },
    signal: AbortSignal,
  ): Promise<readonly EngineGeneration[]> {
    if (signal.aborted) return Array.from({ length: request.n }, () => nothingSampled());
    try {
      const made = await connection.retried(signal, (inner, repeats) => {
        // The engine may still hold the id of the call that was given up.
        const requestId = repeats === 0 ? request.requestId : `${request.requestId}~${repeats}`;
        return route.generate(link, { ...request, requestId, modelName: options.model }, inner);
      });
      if (made.length !== request.n) {
        throw link.reader.bad('choices', `holds ${made.length} of ${request.n} continuations`);
      }
      return made.map((generation) => {
        const { failure } = generation;
        if (failure === undefined) return pinned(generation, request, route.name);
        return { ...generation, failure: http.secrets.hideIn(failure) };
      });
    } catch (thrown) {
      // The connection is closed, so the server stops; it sends no word of what it had sampled.
      if (signal.aborted) return Array.from({ length: request.n }, () => nothingSampled());
      throw thrown;
    }
  }

  async function score(
    tokenIds: Int32Array,
    {
      k,
      signal,
      temperature,
    }: { k: number; signal: AbortSignal; temperature?: number | undefined },
  ): Promise<Scores> {
    if (temperature !== undefined && temperature !== 1) throw temperedScore(route.name);
    if (tokenIds.length < 2) return emptyScore();
    return connection.retried(signal, (inner) =>
      route.score!(link, { tokenIds, k, modelName: options.model }, inner),
    );
  }

  const { tokenize } = route;
  return {
    capabilities: {
      ...route.capabilities,
      logprobMode: options.logprobMode ?? route.capabilities.logprobMode,
    },
    probed: true,
    async describe({ signal } = {}) {
      const found = await connection.retried(signal ?? new AbortController().signal, (inner) =>
        route.describe(link, inner),
      );
      return {
        model: options.model ?? found.model ?? route.name,
        ...(options.model === undefined && found.model === undefined && { isUnnamed: true }),
        vocabularySize: options.vocabularySize,
        contextLength: options.contextLength ?? found.contextLength,
        rendering: options.rendering ?? { tokenizerSha256: '', templateSha256: '' },
        logprobMode: options.logprobMode ?? route.capabilities.logprobMode,
        policyVersion: found.policyVersion,
      };
    },
    generate: async (request, { signal }) => (await generate({ ...request, n: 1 }, signal))[0]!,
    generateMany: (request, { signal }) => generate(request, signal),
    ...(route.score !== undefined && {
      score: async (tokenIds, call) => (await score(tokenIds, { ...call, k: 0 })).logprobs,
    }),
    ...(route.score !== undefined &&
      route.capabilities.canScoreTopK && {
        scoreTopK: async (tokenIds, call) => ({ ...(await score(tokenIds, call)), k: call.k }),
      }),
    health: ({ signal }) =>
      connection.within(signal, async (inner) => {
        await http.call({ method: 'GET', path: route.healthPath, signal: inner });
      }),
    ...(tokenize !== undefined && {
      tokenize: (text, { signal }) =>
        connection.within(signal, (inner) => tokenize(link, text, inner)),
    }),
    async close() {
      connection.close();
    },
  };
}

/** An aborted call of which nothing is known. */
function nothingSampled(): EngineGeneration {
  return { tokenIds: new Int32Array(0), logprobs: undefined, finish: 'abort', versions: [] };
}

/** Logprobs of a prompt are the model's own, whatever temperature a call names. */
function temperedScore(name: string): LachesisError {
  return modelError(`${name} scores at temperature 1 only.`, {
    reason: 'UNSUPPORTED_SAMPLING',
    remedy: 'Score at temperature 1.',
    field: 'temperature',
  });
}

function emptyScore() {
  const none = new Float32Array(0);
  return { logprobs: none, topIds: new Int32Array(0), topLogprobs: none };
}

/** These engines can't be told a version, so what they report is held against the one that was asked for. */
function pinned(
  generation: EngineGeneration,
  { pinnedVersion }: EngineRequest,
  name: string,
): EngineGeneration {
  if (pinnedVersion === undefined || generation.failure !== undefined) return generation;
  const other = generation.versions.find(({ version }) => version !== pinnedVersion);
  if (other === undefined && generation.versions.length > 0) return generation;
  if (generation.tokenIds.length === 0) return generation;
  const failure = modelError(
    other === undefined
      ? `${name} reports no weight version, so version ${pinnedVersion} can't be held.`
      : `${name} sampled with version ${other.version}, not ${pinnedVersion}.`,
    { reason: 'VERSION_NOT_HELD', remedy: 'Leave pinnedVersion out, or update the weights first.' },
  );
  return { ...generation, failure };
}
