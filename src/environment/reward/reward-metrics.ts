import type { RewardValue } from '../environment.ts';
import { describeValue } from './describe-value.ts';

/** Most metrics of one rollout, and most characters of a metric's name. */
const MAX_METRICS = 256;
const MAX_NAME_LENGTH = 256;

/**
 * The numbers that a reward function's answer wants kept. What is no number, has too long a name or is
 * one too many is left out, and `warn` is told once, however many there are.
 */
export function metricsOf(
  value: RewardValue,
  warn: (message: string) => void,
): Readonly<Record<string, number>> {
  const given: unknown =
    typeof value === 'object' && value !== null ? (value.metrics ?? undefined) : undefined;
  if (given === undefined) return {};
  if (typeof given !== 'object' || given === null || Symbol.iterator in given) {
    warn(
      `The metrics of the reward are ${describeValue(given)}, and none is kept. ` +
        'Give an object of numbers: { name: 1 }.',
    );
    return {};
  }
  const kept: [string, number][] = [];
  let leftOut = 0;
  let first: string | undefined;
  for (const [name, metric] of Object.entries(given) as [string, unknown][]) {
    const problem = problemOf(name, metric, kept.length);
    if (problem === undefined) kept.push([name, metric as number]);
    else {
      leftOut += 1;
      first ??= problem;
    }
  }
  if (first !== undefined) {
    const more = leftOut === 1 ? '' : ` So are ${leftOut - 1} more.`;
    warn(`${first}; it is left out.${more}`);
  }
  return Object.fromEntries(kept);
}

function problemOf(name: string, metric: unknown, before: number): string | undefined {
  if (name.length > MAX_NAME_LENGTH) {
    const shown = `${name.slice(0, 40)}\u2026`;
    return `The name \`${shown}\` of a metric of the reward has ${name.length} characters, more than ${MAX_NAME_LENGTH}`;
  }
  if (!Number.isFinite(metric)) {
    return `The metric \`${name}\` of the reward is ${describeValue(metric)}`;
  }
  return before < MAX_METRICS
    ? undefined
    : `The metric \`${name}\` comes after the ${MAX_METRICS} that a reward may have`;
}
