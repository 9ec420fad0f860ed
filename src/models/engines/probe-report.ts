import type { EngineCapabilities } from '../engine.ts';

/** What one probe asked, and what came of it. `unknown`: the route doesn't allow it, or it failed. */
export interface ProbeFinding {
  readonly probe: ProbeName;
  readonly outcome: 'yes' | 'no' | 'unknown';
  readonly detail: string;
}

export type ProbeName =
  | 'ids_out'
  | 'stop_token_kept'
  | 'prompt_verbatim'
  | 'logprob_mode'
  | 'scoring'
  | 'tokenizer'
  | 'spelling'
  | 'versions';

/** How an engine behaved when it was asked, whatever its name and version. */
export interface EngineProbe extends EngineCapabilities {
  /** Of several engines some give raw logprobs, and others don't or may not. */
  readonly isPartlyRaw?: boolean;
  readonly findings: readonly ProbeFinding[];
  /** Largest difference between a sampled logprob and its score; undefined where nothing can be scored. */
  readonly scoreDrift: number | undefined;
}
