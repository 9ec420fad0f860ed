import { LachesisError } from '../../errors.ts';
import type { SamplingParameters } from '../../messages.ts';
import type { ToolCallParser } from '../../parsers/index.ts';
import type { RenderingFingerprint } from '../../tokens/index.ts';
import type { Engine, EngineDescription, EnginePurpose } from '../engine.ts';
import type { EngineProbe } from '../engines/probe.ts';
import type { ModelServer } from '../model-server.ts';
import type { ChatRenderer } from '../rendering/chat-renderer.ts';
import { askedEngine } from './asked-engine.ts';
import { DriftCanary, type DriftCanaryOptions, type DriftStats } from './drift-canary.ts';
import { FactFinder, probeWith } from './engine-facts.ts';
import type { ManagedConfig } from './managed-config.ts';
import { ManagedSession } from './managed-session.ts';
import {
  type Allowance,
  assertSameTokenizer,
  assertTrainableSampling,
  assertTrainableTier,
} from './training-gate.ts';

export interface ManagedServerOptions {
  readonly engine: Engine;
  readonly renderer: ChatRenderer;
  /** Finds tool calls in what was sampled; absent: there are none. */
  readonly parser?: ToolCallParser;
  /** For provenance. Default: the engine's own, once it has been asked. */
  readonly model?: string;
  /**
   * `required` refuses a generation without logprobs, since a ratio could not be formed.
   * `ignore` takes none into the record, for evaluation. Default: `required`.
   */
  readonly logprobs?: 'required' | 'ignore';
  /** Longest one call may sample. Default: 10 minutes; 0 for no limit. */
  readonly timeoutMs?: number;
  /** How long an aborted engine may take to hand over what it sampled. Default: 1 s. */
  readonly abortGraceMs?: number;
  /**
   * Whether the engine is asked some short questions before its first call, to see what it does.
   * `auto`: where a server stands behind it and tokens are to be trained. Default: `auto`.
   */
  readonly probe?: 'auto' | 'never';
  /** What would spoil the training and is wanted all the same. Default: nothing. */
  readonly allow?: readonly Allowance[];
  /**
   * A generation whose numbers don't agree: `refuse` fails the call. `mark` keeps it, and no token of
   * its segment is trained (`not_for_training`). Default: `refuse`.
   */
  readonly onLie?: 'refuse' | 'mark';
  /** What its calls are for; a pool may keep engines apart by it. Default: `train`. */
  readonly purpose?: EnginePurpose;
  /** Scores a share of the sampled turns again, where the engine can. Default: none. */
  readonly canary?: Omit<DriftCanaryOptions, 'engine'>;
}

export interface ManagedServer extends ModelServer {
  /** What the probe found, once the engine has been asked; undefined where there was none. */
  probe(options: { readonly signal: AbortSignal }): Promise<EngineProbe | undefined>;
  /** How far sampled logprobs are from their score; undefined without a canary. */
  drift(): DriftStats | undefined;
}

/**
 * A model server that keeps the exact ids: each session holds what the engine saw and sampled, renders
 * only messages that are new, and never tokenises again what was sampled. Closing it closes the engine.
 */
export function createManagedServer(options: ManagedServerOptions): ManagedServer {
  const { engine, renderer, allow = [] } = options;
  const trains = (options.logprobs ?? 'required') === 'required';
  const probed = trains && engine.probed === true && options.probe !== 'never';
  let description: EngineDescription | undefined;
  const finder = new FactFinder(async (signal) => {
    const found = await engine.describe({ signal });
    assertOneModel(found, renderer);
    if (!probed) return { description: found, probe: undefined };
    const probe = await probeWith(engine, renderer, { signal });
    assertTrainableTier(probe, allow);
    assertSameTokenizer(probe, allow);
    const { logprobMode, isPartlyRaw = false } = probe;
    return { description: { ...found, logprobMode, isPartlyRaw }, probe };
  });
  const canary =
    options.canary === undefined ? undefined : new DriftCanary({ ...options.canary, engine });
  const config: ManagedConfig = Object.freeze({
    engine: askedEngine(engine),
    renderer,
    parser: options.parser,
    logprobs: options.logprobs ?? 'required',
    timeoutMs: options.timeoutMs ?? 600_000,
    abortGraceMs: options.abortGraceMs ?? 1_000,
    onLie: options.onLie ?? 'refuse',
    purpose: options.purpose ?? 'train',
    canary,
    async describe(signal: AbortSignal) {
      description ??= (await finder.facts(signal)).description;
      return description;
    },
    assertSampling(sampling: SamplingParameters, found: EngineDescription) {
      // Of several engines the worst one counts.
      const mode = found.isPartlyRaw === true ? 'raw' : found.logprobMode;
      if (trains) assertTrainableSampling(sampling, mode, { allow, probed });
    },
  });
  return {
    kind: 'managed',
    get model() {
      return options.model ?? description?.model ?? 'managed';
    },
    managed: {
      describe: ({ signal }) => config.describe(signal),
      over: (other) => createManagedServer({ ...options, engine: other }),
    },
    openSession: (session) => new ManagedSession(config, session),
    probe: async ({ signal }) => (await finder.facts(signal)).probe,
    drift: () => canary?.stats(),
    async close() {
      finder.close();
      await canary?.close();
      await engine.close();
    },
  };
}

function assertOneModel({ rendering, vocabularySize }: EngineDescription, renderer: ChatRenderer) {
  const differ = (Object.keys(rendering) as (keyof RenderingFingerprint)[]).filter(
    (name) =>
      rendering[name] !== '' &&
      renderer.fingerprint[name] !== '' &&
      rendering[name] !== renderer.fingerprint[name],
  );
  if (differ.length === 0 && renderer.vocabularySize <= vocabularySize) return;
  throw new LachesisError(
    'failed_precondition',
    differ.length > 0
      ? `Engine and renderer differ in ${differ.join(' and ')}.`
      : `The renderer has ${renderer.vocabularySize} ids and the engine only ${vocabularySize}.`,
    {
      reason: 'RENDERING_MISMATCH',
      remedy: 'Build the renderer from the engine’s own tokenizer and chat template.',
    },
  );
}
