import { invalidInput } from '../../errors.ts';

const LEAST_WEIGHT = 0.001;
const MOST_WEIGHT = 1_000;

/** Throws for what is no weight beside others. */
export function assertWeight(weight: number, field: string): void {
  if (weight >= LEAST_WEIGHT && weight <= MOST_WEIGHT) return;
  throw invalidInput(field, `is ${weight}; it must be from ${LEAST_WEIGHT} to ${MOST_WEIGHT}.`, {
    reason: 'WEIGHT_OUT_OF_RANGE',
    remedy: 'Weights are shares beside each other; leave out an environment that is to have none.',
  });
}
