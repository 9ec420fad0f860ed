import { invalidInput } from '../../errors.ts';
import { groupAdvantages } from './advantages.ts';

/**
 * What each step is worth in the end: its reward plus `discount` times the return of the next.
 * A discount of 1 sums up what is still to come.
 */
export function discountedReturns(rewards: readonly number[], discount: number): number[] {
  if (!(discount >= 0 && discount <= 1)) {
    throw invalidInput('discountedReturns.discount', `is ${discount}; 0 to 1 is needed.`);
  }
  const bad = rewards.findIndex((reward) => !Number.isFinite(reward));
  if (bad >= 0) {
    throw invalidInput(`discountedReturns.rewards[${bad}]`, `is ${rewards[bad]}; no number.`);
  }
  const returns = new Array<number>(rewards.length);
  let next = 0;
  for (let step = rewards.length - 1; step >= 0; step--) {
    next = (rewards[step] as number) + discount * next;
    returns[step] = next;
  }
  return returns;
}

/**
 * Advantages of every step of a group's rollouts (process supervision of Shao et al. 2024): each
 * step's reward against all steps of the group, then the discounted sum of those still to come. Rollouts
 * may have different numbers of steps; equal rewards give zeros.
 */
export function stepAdvantages(
  stepRewards: readonly (readonly number[])[],
  discount = 1,
): number[][] {
  const normalised = groupAdvantages(stepRewards.flat()) as number[];
  let from = 0;
  return stepRewards.map(({ length }) => {
    const own = normalised.slice(from, from + length);
    from += length;
    return discountedReturns(own, discount);
  });
}
