import type { Clock } from '../../async/index.ts';
import type { Engine, EnginePurpose } from '../engine.ts';

export interface PooledEngine {
  readonly engine: Engine;
  /** In messages. Default: `engine N`. */
  readonly name?: string;
  /** Calls that it takes at once. Default: 64. */
  readonly maxConcurrency?: number;
  /** Default: both. */
  readonly purposes?: readonly EnginePurpose[];
}

export interface EnginePoolOptions {
  /** All of one model; the backends may differ. */
  readonly engines: readonly PooledEngine[];
  /** Share of the engines that is for evaluation alone, from the end of the list. Default: all do both. */
  readonly evaluationShare?: number;
  /**
   * Engines that name different models are refused, since one name goes into the provenance of all rollouts.
   * True where the names are of one model all the same; the provenance then has them all. Default: false.
   */
  readonly allowDifferentModels?: boolean;
  /** Calls that may wait for a place. Default: 1,024. */
  readonly maxWaiting?: number;
  /** Failures in a row after which an engine is taken out. Default: 2. */
  readonly failuresUntilOut?: number;
  /** How often an engine that is out is asked whether it is well. Default: 5 s. */
  readonly checkEveryMs?: number;
  readonly clock?: Clock;
}
