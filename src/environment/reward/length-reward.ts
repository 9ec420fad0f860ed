import { invalidInput } from '../../errors.ts';

/**
 * A factor for a reward: 1 up to `free`, then falling in a straight line to 0 at `max` and above.
 * The unit (tokens, characters, turns) is the caller's, the same in all three.
 */
export function linearLengthPenalty(
  length: number,
  { free, max }: { readonly free: number; readonly max: number },
): number {
  checkLength('linearLengthPenalty', length);
  if (!(free >= 0 && max > free)) {
    throw invalidInput('linearLengthPenalty', `needs 0 <= free < max, has ${free} and ${max}.`);
  }
  return Math.min(1, Math.max(0, (max - length) / (max - free)));
}

export interface CosineLengthOptions {
  /** At this length and above, the answer counts as too long. Same unit as the length. */
  readonly maxLength: number;
  readonly correct: boolean;
  /** Rewards of a right answer of no length and of `maxLength`. Default: 1 and 0.5. */
  readonly whenCorrect?: readonly [shortest: number, longest: number];
  /** Of a wrong one, where more thought costs less. Default: -1 and -0.5. */
  readonly whenWrong?: readonly [shortest: number, longest: number];
  /** Of one that is too long, right or wrong. Default: -1. */
  readonly whenTooLong?: number;
}

/**
 * A reward of correctness and length together, along half a cosine (Yeo et al. 2025, "Demystifying
 * Long Chain-of-Thought Reasoning"): right answers are best short, wrong ones are better long.
 */
export function cosineLengthReward(length: number, options: CosineLengthOptions): number {
  const { maxLength, correct, whenTooLong = -1 } = options;
  const { whenCorrect = [1, 0.5], whenWrong = [-1, -0.5] } = options;
  checkLength('cosineLengthReward', length);
  if (!(maxLength > 0)) {
    throw invalidInput('cosineLengthReward.maxLength', `is ${maxLength}; more than 0 is needed.`);
  }
  if (length >= maxLength) return whenTooLong;
  const [shortest, longest] = correct ? whenCorrect : whenWrong;
  const fall = (1 - Math.cos((Math.PI * length) / maxLength)) / 2;
  return shortest + (longest - shortest) * fall;
}

function checkLength(field: string, length: number): void {
  if (!(length >= 0)) throw invalidInput(`${field}.length`, `is ${length}; at least 0 is needed.`);
}
