import type { SamplingParameters } from '../../messages.ts';
import type { EngineDescription } from '../engine.ts';
import { createVllmCompletionsEngine } from '../engines/completions.ts';
import { type ConnectionOptions, EngineConnection } from '../engines/engine-connection.ts';
import type { EngineProbe } from '../engines/probe.ts';
import { listedModel, weightVersion } from '../engines/vllm-shape.ts';
import { DriftCanary, type DriftCanaryOptions, type DriftStats } from '../managed/drift-canary.ts';
import { FactFinder } from '../managed/engine-facts.ts';
import {
  type Allowance,
  assertTrainableSampling,
  assertTrainableTier,
} from '../managed/training-gate.ts';
import type { ModelServer } from '../model-server.ts';
import { type CapturedConfig, CapturedSession } from './captured-session.ts';
import { probeChat } from './chat-probe.ts';
import { ServerSpelling } from './server-spelling.ts';
import { vllmChat } from './vllm-chat.ts';

export interface VllmChatServerOptions extends Omit<ConnectionOptions, 'name'> {
  /** The name to ask for. Default: the first that the server lists. */
  readonly model?: string;
  /** Default: what the server says. */
  readonly contextLength?: number;
  /** Ids are below it: `vocab_size` of the model's config. Default: not checked, the server does not say it. */
  readonly vocabularySize?: number;
  /**
   * Whether the server's own `/detokenize` is asked, at each turn, if its message is spelled by its ids. A
   * server without that route is not. Default: `auto`.
   */
  readonly checkSpelling?: 'auto' | 'never';
  /** As the server was started. Default: a probe finds it. */
  readonly logprobMode?: 'raw' | 'processed';
  /**
   * `required` refuses a turn without logprobs, since a ratio could not be formed. `ignore` asks for
   * none, for evaluation. Default: `required`.
   */
  readonly logprobs?: 'required' | 'ignore';
  /**
   * Whether the server is asked some short questions before its first call, where tokens are to be
   * trained. Default: `auto`.
   */
  readonly probe?: 'auto' | 'never';
  /** What would spoil the training and is wanted all the same. Default: nothing. */
  readonly allow?: readonly Allowance[];
  /**
   * A turn whose numbers don't agree: `refuse` fails the call. `mark` keeps it, and no token of its
   * segment is trained (`not_for_training`). Default: `refuse`.
   */
  readonly onLie?: 'refuse' | 'mark';
  /** Header that carries the rollout's id, for a router in between. Default: none. */
  readonly affinityHeader?: string;
  /** Where earlier reasoning is sent back. Default: `reasoning_content`, which every version reads. */
  readonly reasoningField?: 'reasoning_content' | 'reasoning' | 'none';
  /**
   * Read the tokens as they are sampled, so that a call that is aborted or breaks leaves a record of
   * them. The server's streaming parser then finds the tool calls. Default: false.
   */
  readonly stream?: boolean;
  /** Scores a share of the sampled turns again, over the completions route. Default: none. */
  readonly canary?: Omit<DriftCanaryOptions, 'engine'>;
}

export interface VllmChatServer extends ModelServer {
  /** The server's own description, once it has been asked; rejects where it can't be trained on. */
  describe(options: { readonly signal: AbortSignal }): Promise<EngineDescription>;
  /** What the probe found; undefined where there was none. */
  probe(options: { readonly signal: AbortSignal }): Promise<EngineProbe | undefined>;
  /** How far sampled logprobs are from their score; undefined without a canary. */
  drift(): DriftStats | undefined;
}

const NAME = 'vLLM';
/** The server does not say how many ids it has: any that an int32 holds. */
const ANY_ID = 2 ** 31;

/**
 * A model server over vLLM's chat completions with `return_token_ids`: messages go out, and the ids that
 * the server read and sampled come back, with their logprobs. The server renders and finds the tool calls,
 * so no tokenizer is needed here; where it spells a turn otherwise the next time, a new segment begins.
 */
export function createVllmChatServer(options: VllmChatServerOptions): VllmChatServer {
  const { allow = [], logprobs = 'required', reasoningField = 'reasoning_content' } = options;
  const { vocabularySize = ANY_ID } = options;
  const connection = new EngineConnection({ ...options, name: NAME });
  // The same server, for scores alone: it takes ids as they are.
  const scorer = createVllmCompletionsEngine({ ...options, vocabularySize });
  const trains = logprobs === 'required';
  const probed = trains && options.probe !== 'never';
  let description: EngineDescription | undefined;

  const spelling =
    options.checkSpelling === 'never' ? undefined : new ServerSpelling(connection, options.model);
  const ask: CapturedConfig['ask'] = async (call, { contextLength }, ids) => {
    const reply = await vllmChat(
      connection,
      {
        dialect: {
          model: options.model,
          reasoningField: reasoningField === 'none' ? undefined : reasoningField,
          maxTokensField: 'max_tokens',
        },
        affinityHeader: options.affinityHeader,
        stream: options.stream ?? false,
        contextLength,
      },
      call,
      ids,
    );
    return (await spelling?.checked(reply, call.request, call.signal)) ?? reply;
  };
  const finder = new FactFinder(async (signal) => {
    const found = await describeServer(connection, options, signal);
    if (!probed) return { description: found, probe: undefined };
    const probe = await probeChat({
      ask: (call) => ask(call, found, new Set()),
      description: found,
      score: scorer.score,
      signal,
    });
    assertTrainableTier(probe, allow);
    const findings = [...probe.findings, ...(spelling === undefined ? [] : [spelling.finding()])];
    return {
      description: { ...found, logprobMode: probe.logprobMode },
      probe: { ...probe, findings },
    };
  });
  const canary =
    options.canary === undefined
      ? undefined
      : new DriftCanary({ ...options.canary, engine: scorer });
  const config: CapturedConfig = Object.freeze({
    logprobs,
    timeoutMs: options.timeoutMs ?? 600_000,
    vocabularySize,
    onLie: options.onLie ?? 'refuse',
    canary,
    ask,
    async describe(signal: AbortSignal) {
      description ??= (await finder.facts(signal)).description;
      return description;
    },
    assertSampling(sampling: SamplingParameters, { logprobMode }: EngineDescription) {
      if (trains) assertTrainableSampling(sampling, logprobMode, { allow, probed });
    },
  });
  return {
    kind: 'managed',
    get model() {
      return options.model ?? description?.model ?? NAME;
    },
    openSession: (session) => new CapturedSession(config, session),
    describe: ({ signal }) => config.describe(signal),
    probe: async ({ signal }) => (await finder.facts(signal)).probe,
    drift: () => canary?.stats(),
    async close() {
      finder.close();
      await canary?.close();
      await scorer.close();
      connection.close();
    },
  };
}

async function describeServer(
  connection: EngineConnection,
  options: VllmChatServerOptions,
  signal: AbortSignal,
): Promise<EngineDescription> {
  const { http, reader } = connection;
  const link = { http, reader, vocabularySize: ANY_ID, affinity: () => ({}) };
  const [found, policyVersion] = await connection.retried(signal, (inner) =>
    Promise.all([listedModel(link, inner), weightVersion(link, '/weight_info', inner)]),
  );
  return {
    model: options.model ?? found.model ?? NAME,
    vocabularySize: options.vocabularySize ?? ANY_ID,
    contextLength: options.contextLength ?? found.contextLength,
    rendering: { tokenizerSha256: '', templateSha256: '' },
    logprobMode: options.logprobMode ?? 'unknown',
    policyVersion,
  };
}
