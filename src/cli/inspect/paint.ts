import type { LossState, SpanOrigin } from '../../tokens/index.ts';

export type Brush = (text: string) => string;

/** How a terminal shows tokens: what is trained by its logprob, what is not by where it came from. */
export interface Paint {
  readonly strong: Brush;
  readonly span: (origin: SpanOrigin, loss: LossState) => Brush;
  readonly token: (origin: SpanOrigin, loss: LossState, logprob: number | undefined) => Brush;
}

/** Codes of the 256 colours: from likely (green) to surprising (red). */
const BY_PROBABILITY: readonly (readonly [least: number, colour: number])[] = [
  [0.9, 34],
  [0.5, 76],
  [0.1, 220],
  [0.01, 208],
  [0, 196],
];
const GREY = 244;
const BLUE = 75;
const LEFT_OUT = 133;

export function paintOf(color: boolean): Paint {
  if (!color) {
    const plain: Brush = (text) => text;
    return { strong: plain, span: () => plain, token: () => plain };
  }
  return {
    strong: (text) => `\u001b[1m${text}\u001b[0m`,
    span: (origin, loss) =>
      foreground(origin !== 'sampled' ? GREY : loss === 'trained' ? BLUE : LEFT_OUT),
    token: (origin, loss, logprob) => {
      if (origin !== 'sampled') return foreground(GREY);
      const colour = logprob === undefined ? BLUE : colourOf(Math.exp(logprob));
      const brush = foreground(colour);
      // What is in no loss is struck through, in the colour that it would have.
      return loss === 'trained' ? brush : (text) => `\u001b[9m${brush(text)}`;
    },
  };
}

function colourOf(probability: number): number {
  return BY_PROBABILITY.find(([least]) => probability >= least)?.[1] ?? GREY;
}

function foreground(colour: number): Brush {
  return (text) => `\u001b[38;5;${colour}m${text}\u001b[0m`;
}
