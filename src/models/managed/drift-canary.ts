import { Limiter, untilAborted } from '../../async/index.ts';
import { errorMessage, invalidInput, LachesisError } from '../../errors.ts';
import type { MetricsRegistry } from '../../telemetry/index.ts';
import type { Engine } from '../engine.ts';

export interface DriftCanaryOptions {
  readonly engine: Engine;
  /** Share of the turns that are scored again. Default: 0.01. */
  readonly share?: number;
  /** Turns that may wait for it; more are passed over. Default: 16. */
  readonly maxWaiting?: number;
  /** Longest one score may take. Default: 60 s. */
  readonly timeoutMs?: number;
  /** Holds `lachesis_logprob_drift_mean`, `_max` and the counters of what was scored. */
  readonly metrics?: MetricsRegistry;
  /** Told of each turn that was scored. */
  readonly onScored?: (drift: TurnDrift) => void;
}

export interface WatchedTurn {
  readonly promptTokenIds: Int32Array;
  readonly tokenIds: Int32Array;
  readonly logprobs: Float32Array;
  readonly temperature: number;
}

/** How far the logprobs of a turn are from its score. */
export interface TurnDrift {
  readonly mean: number;
  readonly max: number;
  readonly tokens: number;
}

export interface DriftStats extends TurnDrift {
  readonly turns: number;
  /** Not scored: too many waited, or the engine scores no turns of that temperature. */
  readonly passedOver: number;
  readonly failed: number;
  /** The last failure, in words. */
  readonly lastError: string | undefined;
}

/**
 * Scores some of the sampled turns again, in the background, one at a time. What an engine sampled and what
 * it now says of the same ids differ by rounding; more than that is another model, kernel or template.
 * It never holds a rollout up and never fails one.
 */
export class DriftCanary {
  readonly #options: DriftCanaryOptions;
  readonly #share: number;
  readonly #maxWaiting: number;
  readonly #one = new Limiter(1);
  readonly #closed = new AbortController();
  readonly #export: Exporter;
  readonly #pending = new Set<Promise<void>>();
  #owed = 0;
  #sum = 0;
  #stats = { turns: 0, tokens: 0, max: 0, passedOver: 0, failed: 0 };
  #lastError: string | undefined;

  constructor(options: DriftCanaryOptions) {
    const { share = 0.01 } = options;
    if (!(share >= 0 && share <= 1)) throw invalidInput('share', `is ${share}; give 0 to 1.`);
    this.#options = options;
    this.#share = options.engine.score === undefined ? 0 : share;
    this.#maxWaiting = options.maxWaiting ?? 16;
    this.#export = exporter(options.metrics);
  }

  /** Takes note of a turn; every 1/share-th is scored. */
  turn(turn: WatchedTurn): void {
    if (
      this.#closed.signal.aborted ||
      turn.tokenIds.length === 0 ||
      turn.promptTokenIds.length === 0
    ) {
      return;
    }
    this.#owed += this.#share;
    if (this.#owed < 1) return;
    this.#owed -= 1;
    if (this.#pending.size >= this.#maxWaiting) {
      this.#passOver();
      return;
    }
    const scoring = this.#score(turn).finally(() => this.#pending.delete(scoring));
    this.#pending.add(scoring);
  }

  stats(): DriftStats {
    const { tokens } = this.#stats;
    return {
      ...this.#stats,
      mean: tokens > 0 ? this.#sum / tokens : 0,
      lastError: this.#lastError,
    };
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }

  async close(): Promise<void> {
    this.#closed.abort(new DOMException('The canary was closed.', 'AbortError'));
    await this.idle();
  }

  async #score(turn: WatchedTurn): Promise<void> {
    try {
      using _place = await this.#one.acquire(this.#closed.signal);
      const { promptTokenIds, tokenIds, temperature } = turn;
      const all = new Int32Array(promptTokenIds.length + tokenIds.length);
      all.set(promptTokenIds);
      all.set(tokenIds, promptTokenIds.length);
      const signal = AbortSignal.any([
        this.#closed.signal,
        AbortSignal.timeout(this.#options.timeoutMs ?? 60_000),
      ]);
      const scoring = this.#options.engine.score!(all, { signal, temperature });
      const scored = await untilAborted(scoring, { signal });
      this.#add(driftOf(turn.logprobs, scored.subarray(promptTokenIds.length - 1)));
    } catch (thrown) {
      if (this.#closed.signal.aborted) return;
      if (thrown instanceof LachesisError && thrown.reason === 'UNSUPPORTED_SAMPLING') {
        this.#passOver();
        return;
      }
      this.#stats.failed += 1;
      this.#export.unscored('failed');
      this.#lastError = errorMessage(thrown);
    }
  }

  #passOver(): void {
    this.#stats.passedOver += 1;
    this.#export.unscored('passed_over');
  }

  #add(drift: TurnDrift): void {
    this.#sum += drift.mean * drift.tokens;
    this.#stats.turns += 1;
    this.#stats.tokens += drift.tokens;
    this.#stats.max = Math.max(this.#stats.max, drift.max);
    this.#export.scored(this.stats());
    this.#options.onScored?.(drift);
  }
}

function driftOf(sampled: Float32Array, scored: Float32Array): TurnDrift {
  if (sampled.length !== scored.length || !scored.every(Number.isFinite)) {
    throw new Error(`${scored.length} scores came for ${sampled.length} sampled tokens`);
  }
  let sum = 0;
  let max = 0;
  sampled.forEach((logprob, at) => {
    const difference = Math.abs(logprob - scored[at]!);
    sum += difference;
    max = Math.max(max, difference);
  });
  return { mean: sum / sampled.length, max, tokens: sampled.length };
}

interface Exporter {
  readonly scored: (stats: DriftStats) => void;
  readonly unscored: (why: 'failed' | 'passed_over') => void;
}

function exporter(metrics: MetricsRegistry | undefined): Exporter {
  if (metrics === undefined) return { scored: () => {}, unscored: () => {} };
  const mean = metrics.gauge({
    name: 'lachesis_logprob_drift_mean',
    help: 'Mean absolute difference of sampled logprobs and their later score, over all turns scored.',
    labels: [],
  });
  const max = metrics.gauge({
    name: 'lachesis_logprob_drift_max',
    help: 'Largest absolute difference of a sampled logprob and its later score.',
    labels: [],
  });
  const turns = metrics.counter({
    name: 'lachesis_logprob_drift_turns_total',
    help: 'Sampled turns that were scored again.',
    labels: [],
  });
  const unscored = metrics.counter({
    name: 'lachesis_logprob_drift_unscored_turns_total',
    help: 'Sampled turns that were to be scored again and were not, by why.',
    labels: ['why'],
  });
  return {
    scored(stats) {
      mean.set(stats.mean);
      max.set(stats.max);
      turns.add(1);
    },
    unscored: (why) => unscored.add(1, { why }),
  };
}
