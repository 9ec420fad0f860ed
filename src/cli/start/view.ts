import type { Ledger } from '../../tokens/index.ts';
import { count, ledgerSum } from '../words.ts';
import { progressBar, sparkline } from './curve.ts';

/** What the trainer says of one of its steps; one JSON line each. */
export interface TrainerStep {
  readonly step: number;
  readonly reward: number;
  readonly policyVersion: number;
  readonly maxRatioDeviation: number;
  readonly meanKl: number;
  readonly trainedTokens: number;
  readonly seconds: number;
}

/** All that the live view shows. */
export interface ViewState {
  readonly phase: string;
  readonly maxSteps: number;
  readonly steps: readonly TrainerStep[];
  readonly rollouts: number;
  readonly sampledTokens: number;
  readonly elapsedSeconds: number;
  readonly toolCalls: {
    readonly attempted: number;
    readonly executedOk: number;
    readonly execError: number;
  };
  readonly ledger: Ledger;
}

/** The view as lines for a terminal of `columns`. */
export function viewLines(state: ViewState, columns: number): readonly string[] {
  const width = Math.max(20, Math.min(60, columns - 30));
  const last = state.steps.at(-1);
  const rate = state.elapsedSeconds > 0 ? state.sampledTokens / state.elapsedSeconds : 0;
  return [
    `${state.phase}  ${state.elapsedSeconds.toFixed(1)} s`,
    `  steps     ${progressBar((last?.step ?? 0) / state.maxSteps, width)} ${last?.step ?? 0} of at most ${state.maxSteps}`,
    `  reward    ${sparkline(
      state.steps.map(({ reward }) => reward),
      width,
    ).padEnd(width)} ${(last?.reward ?? 0).toFixed(2)}`,
    `  policy    version ${last?.policyVersion ?? 0}, KL ${(last?.meanKl ?? 0).toExponential(1)}, |ratio - 1| at most ${(last?.maxRatioDeviation ?? 0).toExponential(1)}`,
    `  rollouts  ${count(state.rollouts)}, ${count(Math.round(rate))} sampled tokens/s`,
    `  tools     ${count(state.toolCalls.attempted)} calls, ${count(state.toolCalls.executedOk)} ok, ${count(state.toolCalls.execError)} failed`,
    `  ledger    ${ledgerSum(state.ledger)}`,
  ];
}

/** One plain line per step, where nothing can be redrawn. */
export function stepLine(step: TrainerStep): string {
  return `step ${String(step.step).padStart(3)}  reward ${step.reward.toFixed(2)}  policy version ${step.policyVersion}  KL ${step.meanKl.toExponential(1)}  ${step.trainedTokens} tokens  ${step.seconds.toFixed(1)} s`;
}

/** Draws lines over the ones it drew before. */
export class LiveView {
  readonly #out: (text: string) => void;
  #drawn = 0;

  constructor(out: (text: string) => void) {
    this.#out = out;
  }

  draw(lines: readonly string[]): void {
    const up = this.#drawn > 0 ? `\x1b[${this.#drawn}A` : '';
    this.#out(`${up}${lines.map((line) => `\x1b[2K${line}\n`).join('')}`);
    this.#drawn = lines.length;
  }
}
