import { invalidInput } from '../../errors.ts';
import type { OptionValues } from '../command.ts';
import { integerOption, textOption } from '../read-options.ts';

export const RUN_ID = 'quick-start';
export const GROUPS_PER_BATCH = 16;
export const GROUP_SIZE = 8;

/** What a quick start sets out to do; fixed when it begins. */
export interface Plan {
  readonly seed: number;
  /** One of the examples. Records of before it could be chosen lack it. */
  readonly environment?: string;
  /** Where its agents write commands. True: its solutions are played, and nothing is trained. */
  readonly plays?: boolean;
  readonly quick: boolean;
  readonly maxSteps: number;
  /** The trainer stops after this many steps in a row at `goal`. */
  readonly goalSteps: number;
  readonly goal: number;
  readonly episodesBefore: number;
  readonly episodesAfter: number;
}

/** `plays`: of an environment whose agents write commands, unless training on it is asked for. */
export function planOf(values: OptionValues, writesCommands = false): Plan {
  const plays = writesCommands && values['train'] !== true;
  if (plays && values['max-steps'] !== undefined) {
    throw invalidInput('--max-steps', 'is of training, and this environment is played.', {
      remedy: 'Leave it out, or give --train.',
    });
  }
  const quick = values['quick'] === true;
  return {
    seed: integerOption(values, 'seed', 0) ?? 1,
    environment: environmentOf(values),
    ...(writesCommands ? { plays } : {}),
    quick,
    maxSteps: integerOption(values, 'max-steps', 1) ?? (quick ? 40 : 60),
    // Well over what the end must show, so that one lucky batch does not end the training early.
    goalSteps: quick ? 3 : 5,
    goal: 0.95,
    // Nobody expects of the small policy that it learns to write commands.
    episodesBefore: writesCommands ? 32 : quick ? 128 : 256,
    episodesAfter: writesCommands ? 32 : quick ? 256 : 512,
  };
}

/** What the quick start plays unless it is told otherwise. */
export const DEFAULT_ENVIRONMENT = 'shop';

export function environmentOf(values: OptionValues): string {
  return textOption(values, 'env') ?? DEFAULT_ENVIRONMENT;
}

/** Throws for an option that says otherwise than the plan that is gone on with. */
export function assertSamePlan(values: OptionValues, plan: Plan): void {
  const given = {
    seed: integerOption(values, 'seed', 0),
    'max-steps': integerOption(values, 'max-steps', 1),
    quick: values['quick'] === true ? true : undefined,
    train: values['train'] === true ? true : undefined,
    env: textOption(values, 'env'),
  };
  const began = {
    ...{ seed: plan.seed, 'max-steps': plan.maxSteps, quick: plan.quick },
    train: plan.plays !== true,
    env: plan.environment ?? DEFAULT_ENVIRONMENT,
  };
  for (const name of ['seed', 'max-steps', 'quick', 'train', 'env'] as const) {
    if (given[name] === undefined || given[name] === began[name]) continue;
    throw invalidInput(
      `--${name}`,
      `is ${given[name]}, and what is resumed began with ${began[name]}.`,
      {
        remedy: 'Leave it out, or begin anew without --resume.',
      },
    );
  }
}
