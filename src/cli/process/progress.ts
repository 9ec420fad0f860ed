import type { CommandIo } from '../command.ts';
import { progressBar } from '../start/curve.ts';
import { LiveView } from '../start/view.ts';
import { count, percent } from '../words.ts';
import type { Tally } from './tally.ts';

const REDRAW_MS = 200;
/** Rows between two plain lines, as a share of all. */
const STEP = 0.05;

export interface ProgressOptions {
  readonly io: Pick<CommandIo, 'out' | 'raw' | 'terminal' | 'columns'>;
  readonly tally: Tally;
  /** Rows of the whole selection. */
  readonly total: number;
  /** Those that were in the file before. */
  readonly kept: number;
  /** Told at each 5 % of all rows. */
  readonly onStep?: () => void;
}

/** A bar on a terminal, and a plain line at each 5 % elsewhere. */
export class Progress implements Disposable {
  readonly #options: ProgressOptions;
  readonly #start = performance.now();
  readonly #view: LiveView;
  readonly #timer: NodeJS.Timeout | undefined;
  #step: number;

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#view = new LiveView(options.io.raw ?? options.io.out);
    this.#step = this.#stepOf(options.kept);
    if (options.io.terminal) this.#timer = setInterval(() => this.#draw(), REDRAW_MS);
  }

  get seconds(): number {
    return (performance.now() - this.#start) / 1000;
  }

  /** A row was added to the tally. */
  advance(): void {
    const { io, tally, onStep } = this.#options;
    const step = this.#stepOf(tally.rows);
    if (step === this.#step) return;
    this.#step = step;
    if (!io.terminal) io.out(`${this.#line()}\n`);
    onStep?.();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    if (this.#options.io.terminal) this.#draw();
  }

  #stepOf(rows: number): number {
    return Math.floor(rows / Math.max(1, this.#options.total) / STEP);
  }

  #draw(): void {
    const { io, tally, total } = this.#options;
    const width = Math.max(10, Math.min(40, io.columns - 60));
    // A line that wraps could not be drawn over.
    this.#view.draw([
      `${progressBar(tally.rows / Math.max(1, total), width)} ${this.#line()}`.slice(
        0,
        Math.max(20, io.columns - 1),
      ),
    ]);
  }

  #line(): string {
    const { tally, total, kept } = this.#options;
    const rate = (tally.rows - kept) / Math.max(0.001, this.seconds);
    const failed = tally.notScored === 0 ? '' : `  ${count(tally.notScored)} not scored`;
    return `${count(tally.rows)} of ${count(total)} (${percent(tally.rows / Math.max(1, total))})  reward ${rewardText(tally.meanReward)}${failed}  ${rate.toFixed(1)}/s`;
  }
}

/** `-` when nothing was scored, which is not 0. */
export function rewardText(reward: number | undefined): string {
  return reward === undefined ? '-' : reward.toFixed(3);
}

/** What a tally comes to, one fact per line. */
export function tallyLines(tally: Tally): readonly string[] {
  const failures = [...tally.failures].map(
    ([kind, { count: times, example }]) => `  ${kind} ${count(times)}: ${oneLine(example)}`,
  );
  const sampled =
    tally.sampledTokens === 0 ? '' : `, ${count(tally.sampledTokens)} sampled by the account`;
  return [
    `scored      ${count(tally.scored)}, mean reward ${rewardText(tally.meanReward)}`,
    `not scored  ${count(tally.notScored)}`,
    ...failures,
    `tokens      ${count(tally.promptTokens)} prompt, ${count(tally.completionTokens)} completion${sampled}`,
  ];
}

function oneLine(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length > 160 ? `${line.slice(0, 159)}…` : line;
}
