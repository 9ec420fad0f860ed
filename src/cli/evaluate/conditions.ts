import {
  type EvaluationConditions,
  type EvaluationSettings,
  evaluationConditions,
  type HostedEnvironment,
} from '../../environment/index.ts';

/** Those that the command line gave; undefined ones are the environment's, or the defaults. */
export type AskedConditions = {
  readonly [Key in keyof EvaluationSettings]: EvaluationSettings[Key] | undefined;
};

/** What rows are played under. What the environment says of evaluations holds for an evaluation alone. */
export function playedConditions(
  { definition }: Pick<HostedEnvironment, 'definition'>,
  asked: AskedConditions,
  isEvaluation: boolean,
): EvaluationConditions {
  const { sampling = {}, evaluation = {} } = definition;
  return evaluationConditions(isEvaluation ? { sampling, evaluation } : { sampling }, asked);
}

/** What the environment itself decided, by the names of the flags that go before it; empty for nothing. */
export function ownConditions(
  { definition }: Pick<HostedEnvironment, 'definition'>,
  asked: AskedConditions,
): string {
  const { evaluation = {} } = definition;
  const { split, maxTasks, attempts, solvedAt, sampling = {} } = evaluation;
  const flags = { split, tasks: maxTasks, attempts, 'solved-at': solvedAt, ...sampling };
  const given: Readonly<Record<string, unknown>> = {
    split: asked.split,
    tasks: asked.maxTasks,
    attempts: asked.attempts,
    'solved-at': asked.solvedAt,
    ...asked.sampling,
  };
  return Object.entries(flags)
    .filter(([name, value]) => value !== undefined && given[name] === undefined)
    .map(([name, value]) => `${name} ${JSON.stringify(value)}`)
    .join(', ');
}
