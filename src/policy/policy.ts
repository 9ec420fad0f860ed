import { invalidInput, LachesisError } from '../errors.ts';
import { templateFingerprint } from './chat-template.ts';
import { runCooperatively } from './cooperate.ts';
import type { Decoding } from './decoding.ts';
import { createDecoding } from './decoding.ts';
import { createDistribution } from './distribution.ts';
import { createActivations } from './forward.ts';
import type { GenerateRequest, Generation, GenerationSlice } from './generation.ts';
import { resolveRequest, toGeneration } from './generation.ts';
import type { PauseMode } from './generation-scheduler.ts';
import { GenerationScheduler } from './generation-scheduler.ts';
import { adamStep, clipNorm, createAdamState, normOf } from './optimiser.ts';
import type { PolicyDescription, PublishedWeights } from './policy-description.ts';
import type { EmbeddedPolicyOptions, PolicyConfig, TrainStepOptions } from './policy-options.ts';
import { resolvePolicyOptions, resolveStepOptions } from './policy-options.ts';
import type { PolicyState, TrainStepResult } from './policy-state.ts';
import { rememberStep } from './policy-state.ts';
import type { Random } from './random.ts';
import { createRandom, randomInt } from './random.ts';
import { scoreTokens } from './score.ts';
import type { Tokenizer } from './tokenizer.ts';
import type { TrainRow } from './train-row.ts';
import { checkRows, checkTokenIds } from './train-row.ts';
import { accumulateGradient } from './train-step.ts';
import { Versions } from './versions.ts';
import { weightsFromBytes, weightsToBytes } from './weights.ts';

/**
 * A language model small enough to train while you watch. It generates with exact log probabilities,
 * scores, and makes its own training steps; each response comes from one version. All work shares
 * the event loop in slices of a few milliseconds.
 */
export class EmbeddedPolicy implements Disposable {
  readonly name: string;
  readonly tokenizer: Tokenizer;
  readonly #config: PolicyConfig;
  readonly #versions: Versions;
  readonly #scheduler: GenerationScheduler;
  readonly #seeds: Random;
  /** As it is published; `kept` of the keeper is as new. */
  #state: PolicyState;
  #changing = false;
  #closed = false;

  constructor(options: EmbeddedPolicyOptions) {
    const { name, tokenizer, weights } = options.checkpoint;
    this.name = name;
    this.tokenizer = tokenizer;
    this.#config = resolvePolicyOptions(options);
    this.#state = this.#config.keeper?.kept ?? {
      ...{ version: this.#config.version, weights },
      adam: createAdamState(weights.values.length),
      steps: new Map(),
    };
    this.#versions = new Versions(this.#state, this.#config.keepVersions);
    this.#scheduler = new GenerationScheduler(this.#config.scheduler, {
      act: createActivations(weights.shape),
      distribution: createDistribution(weights.shape.vocabularySize),
    });
    this.#seeds = createRandom(this.#config.seed);
  }

  get version(): number {
    return this.#versions.current.version;
  }

  describe(): PolicyDescription {
    const { weights } = this.#versions.current;
    return {
      name: this.name,
      version: this.version,
      parameters: weights.layout.parameters,
      vocabularySize: this.tokenizer.vocabularySize,
      contextTokens: this.#config.contextTokens,
      tokenizerFingerprint: this.tokenizer.fingerprint,
      templateFingerprint: templateFingerprint(),
      tensors: weights.layout.manifest,
      updatesEnabled: this.#config.updatesEnabled,
      paused: this.#scheduler.paused,
      activeGenerations: this.#scheduler.activeCount,
      waitingGenerations: this.#scheduler.waitingCount,
    };
  }

  /**
   * Samples a response. An abort is not an error: it resolves with finish reason `abort` and the
   * tokens so far (none if it had not begun).
   * @throws invalid_input, failed_precondition (version not held, closed), resource_exhausted.
   */
  async generate(
    request: GenerateRequest,
    options: {
      readonly onSlice?: (slice: GenerationSlice) => void;
      readonly signal?: AbortSignal;
    } = {},
  ): Promise<Generation> {
    this.#refuseClosed();
    const resolved = resolveRequest(request, this.#limits());
    const seed = resolved.seed ?? randomInt(this.#seeds, Number.MAX_SAFE_INTEGER);
    let version = this.version;
    const begin = (): Decoding => {
      const snapshot = this.#versions.at(resolved.version);
      version = snapshot.version;
      return createDecoding({ ...resolved, weights: snapshot.weights, random: createRandom(seed) });
    };
    const { onSlice, signal } = options;
    const report =
      onSlice &&
      (({ ids, logprobs }: Decoding, from: number): void =>
        onSlice({
          ids: Int32Array.from(ids.slice(from)),
          logprobs: Float32Array.from(logprobs.slice(from)),
          version,
        }));
    const decoding = await this.#scheduler.submit({ begin, onSlice: report, signal });
    if (decoding !== undefined) return toGeneration(decoding, version, seed);
    const none = { ids: new Int32Array(), logprobs: new Float32Array(), topLogprobs: [] };
    return { ...none, finishReason: 'abort', version, seed };
  }

  /** The log probability of each id given those before it; NaN for the first. */
  async score(
    ids: Int32Array,
    options: {
      readonly temperature?: number;
      readonly version?: number;
      readonly signal?: AbortSignal;
    } = {},
  ): Promise<{ readonly version: number; readonly logprobs: Float32Array }> {
    this.#refuseClosed();
    checkTokenIds('ids', ids, this.#limits());
    const { temperature } = resolveStepOptions({ temperature: options.temperature ?? 1 });
    const { version, weights } = this.#versions.at(options.version);
    const work = scoreTokens(weights, ids, temperature);
    const { tickBudgetMs } = this.#config.scheduler;
    return { version, logprobs: await runCooperatively(work, tickBudgetMs, options.signal) };
  }

  /**
   * One optimiser step over `rows`; the mean is over all trained tokens. All or nothing: an abort or
   * an error leaves weights and version as they were. Where there is a keeper, it has the step first.
   * @throws invalid_input with the row's path; failed_precondition when another change is under way
   * or `expectedVersion` is not the current one; model_error when the gradient is not finite.
   */
  async trainStep(
    rows: readonly TrainRow[],
    options: TrainStepOptions = {},
  ): Promise<TrainStepResult> {
    this.#refuseClosed();
    const { stepId } = options;
    const known = stepId === undefined ? undefined : this.#state.steps.get(stepId);
    if (known !== undefined) return known;
    const config = resolveStepOptions(options);
    const needsLogprobs = config.loss !== 'sft';
    const trainedTokens = checkRows(rows, { ...this.#limits(), needsLogprobs });
    using _change = this.#beginChange(options.expectedVersion);
    const { weights, version } = this.#versions.current;
    const gradient = new Float64Array(weights.values.length);
    const loss = { ...config, name: config.loss };
    const work = accumulateGradient(weights, rows, trainedTokens, loss, gradient);
    const { tickBudgetMs } = this.#config.scheduler;
    const measures = await runCooperatively(work, tickBudgetMs, options.signal);
    const gradNorm = normOf(gradient);
    if (!Number.isFinite(gradNorm)) {
      // Of the rows, so trying again would not help.
      throw invalidInput('rows', 'give a gradient that is not finite; nothing was changed.', {
        reason: 'GRADIENT_NOT_FINITE',
        remedy: 'Look for extreme advantages or log probabilities in the rows.',
      });
    }
    if (!this.#config.updatesEnabled) {
      const result = { ...measures, version, gradNorm, applied: false };
      this.#state = { ...this.#state, steps: rememberStep(this.#state.steps, stepId, result) };
      return result;
    }
    this.#refuseClosed();
    clipNorm(gradient, gradNorm, config.maxGradNorm);
    const next = adamStep(weights, gradient, this.#state.adam, config);
    const result = { ...measures, version: version + 1, gradNorm, applied: true };
    const steps = rememberStep(this.#state.steps, stepId, result);
    await this.#publish({ ...next, version: result.version, steps });
    return result;
  }

  getWeights(version?: number): PublishedWeights {
    const snapshot = this.#versions.at(version);
    const { manifest } = snapshot.weights.layout;
    return {
      version: snapshot.version,
      tensors: manifest,
      bytes: weightsToBytes(snapshot.weights),
    };
  }

  /**
   * Publishes weights made elsewhere; responses in flight keep theirs. Adam's moments start anew.
   * @throws invalid_input on a wrong size or a non-finite value; failed_precondition when the version
   * is not newer, updates are off, or a step is under way.
   */
  async updateWeights(bytes: Uint8Array, version: number): Promise<void> {
    this.#refuseClosed();
    if (!this.#config.updatesEnabled) {
      throw new LachesisError('failed_precondition', 'updates are off for this policy.', {
        reason: 'UPDATES_DISABLED',
        remedy: 'Create it with updatesEnabled: true.',
      });
    }
    using _change = this.#beginChange();
    this.#versions.assertNewer(version);
    const weights = weightsFromBytes(this.#state.weights.shape, bytes);
    const adam = createAdamState(weights.values.length);
    await this.#publish({ version, weights, adam, steps: this.#state.steps });
  }

  /** Kept before it is known: what somebody saw is never taken back. */
  async #publish(state: PolicyState): Promise<void> {
    await this.#config.keeper?.keep(state);
    const { version, weights } = state;
    this.#versions.publish({ version, weights });
    this.#state = state;
  }

  /** No response begins until `resume`; requests wait. Training and scoring go on. */
  async pause(mode: PauseMode, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    await this.#scheduler.pause(mode, options.signal);
  }

  resume(): void {
    this.#scheduler.resume();
  }

  /** Ends what is in flight or waiting with finish reason `abort`; later calls are refused. */
  [Symbol.dispose](): void {
    this.#closed = true;
    this.#scheduler.abortAll();
  }

  #limits(): { readonly vocabularySize: number; readonly contextTokens: number } {
    const { contextTokens } = this.#config;
    return { vocabularySize: this.tokenizer.vocabularySize, contextTokens };
  }

  #refuseClosed(): void {
    if (!this.#closed) return;
    throw new LachesisError('failed_precondition', 'the policy is closed.', {
      reason: 'POLICY_CLOSED',
      remedy: 'Create another.',
    });
  }

  /** Only one change of the weights at a time: two steps from the same version would lose one. */
  #beginChange(expectedVersion?: number): Disposable {
    if (this.#changing) {
      throw new LachesisError(
        'failed_precondition',
        'another change of the weights is under way.',
        {
          reason: 'STEP_IN_PROGRESS',
          remedy: 'Wait for it to finish.',
        },
      );
    }
    if (expectedVersion !== undefined && expectedVersion !== this.version) {
      throw new LachesisError(
        'failed_precondition',
        `expected version ${expectedVersion}, but the policy stands at ${this.version}.`,
        {
          reason: 'VERSION_MISMATCH',
          remedy: 'Another step came between: sample again with the present version.',
          metadata: { version: String(this.version) },
        },
      );
    }
    this.#changing = true;
    return {
      [Symbol.dispose]: () => {
        this.#changing = false;
      },
    };
  }
}

/** The policy that serves and trains `options.checkpoint`. Dispose of it to end what is in flight. */
export function createEmbeddedPolicy(options: EmbeddedPolicyOptions): EmbeddedPolicy {
  return new EmbeddedPolicy(options);
}
