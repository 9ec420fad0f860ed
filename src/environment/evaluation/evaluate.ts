import type { Rollout, Task } from '../../contract/index.ts';
import { LachesisError } from '../../errors.ts';
import type { PlayOptions } from '../play/options.ts';
import { playRollout } from '../play/play-rollout.ts';
import { tasksOfSplit } from '../tasks/split-tasks.ts';
import { type EvaluationConditions, evaluationConditions } from './settings.ts';
import { type EvaluationSummary, Summary } from './summary.ts';

/** What is left out is as the environment's `evaluation` says, and what that leaves out as said here. */
export interface EvaluateOptions extends PlayOptions {
  /** Prefix of the rollouts' ids, which are `<id>.<task position>.<attempt>`. */
  readonly id: string;
  /** Only tasks of this split; empty for all. Default: all. */
  readonly split?: string;
  /** 0 for all, which is refused for an endless source. Default: all. */
  readonly maxTasks?: number;
  /** Attempts per task. Default: 1. */
  readonly attempts?: number;
  /** Rollouts in flight. Default: 16. */
  readonly concurrency?: number;
  /** A reward of at least this counts as solved. Default: 1. */
  readonly solvedAt?: number;
  /** Cancels one rollout and leaves the others. */
  readonly rolloutSignal?: (rolloutId: string) => AbortSignal | undefined;
}

/** A rollout of an evaluation as it ends, or the figures when all have. */
export type EvaluationStep =
  | {
      readonly kind: 'sample';
      readonly taskKey: string;
      /** From 0. */
      readonly attempt: number;
      readonly rollout: Rollout;
    }
  | { readonly kind: 'summary'; readonly summary: EvaluationSummary };

/**
 * Plays every task of a selection and yields the rollouts in the order that they end, then a
 * summary. Leaving the loop early cancels what is in flight and waits for it. Throws an
 * invalid_input for all tasks of an endless source, and the signal's reason when it fires.
 */
export async function* evaluate(options: EvaluateOptions): AsyncGenerator<EvaluationStep> {
  const { environment, concurrency = 16 } = options;
  const conditions = evaluationConditions(environment.definition, options);
  const summary = new Summary(conditions);
  const own = new AbortController();
  const signal = AbortSignal.any([options.signal, own.signal]);
  const pairs = selection(options, conditions, signal);
  const ended: Sample[] = [];
  const running = new Set<Promise<void>>();
  let wake = (): void => {};
  let exhausted = false;
  const begin = ({ task, position, attempt }: Pair): void => {
    const rolloutId = `${options.id}.${position}.${attempt}`;
    const cancelled = options.rolloutSignal?.(rolloutId);
    const play = playRollout({
      ...options,
      sampling: conditions.sampling,
      signal: cancelled === undefined ? signal : AbortSignal.any([signal, cancelled]),
      ...(options.seed === undefined ? {} : { seed: options.seed + position }),
      rolloutId,
      groupId: '',
      index: attempt,
      task,
    }).then((rollout) => {
      running.delete(play);
      ended.push({ kind: 'sample', taskKey: task.key, attempt, rollout });
      wake();
    });
    running.add(play);
  };
  try {
    while (true) {
      while (!exhausted && running.size < concurrency) {
        const next = await pairs.next();
        if (next.done === true) exhausted = true;
        else begin(next.value);
      }
      if (ended.length === 0) {
        if (running.size === 0) break;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      options.signal.throwIfAborted();
      for (const step of ended.splice(0)) {
        summary.add(step.taskKey, step.rollout);
        yield step;
      }
    }
    yield { kind: 'summary', summary: summary.figures() };
  } finally {
    own.abort(
      new LachesisError('cancelled', `The evaluation of ${environment.name} was left.`, {
        reason: 'EVALUATION_LEFT',
      }),
    );
    await Promise.all(running);
    await pairs.return(undefined);
  }
}

interface Pair {
  readonly task: Task;
  readonly position: number;
  readonly attempt: number;
}

type Sample = Extract<EvaluationStep, { kind: 'sample' }>;

async function* selection(
  { environment }: EvaluateOptions,
  { split, maxTasks, attempts }: EvaluationConditions,
  signal: AbortSignal,
): AsyncGenerator<Pair> {
  const { tasks } = environment;
  if (maxTasks === 0 && tasks.count === undefined) {
    throw new LachesisError(
      'invalid_input',
      `max_tasks: environment \`${environment.name}\` does not say how many tasks it has.`,
      { reason: 'ENDLESS_TASKS', field: 'max_tasks', remedy: 'Give max_tasks.' },
    );
  }
  let position = 0;
  for await (const task of tasksOfSplit(environment, split, { signal })) {
    if (maxTasks > 0 && position >= maxTasks) return;
    for (let attempt = 0; attempt < attempts; attempt++) yield { task, position, attempt };
    position += 1;
    if (maxTasks > 0 && position >= maxTasks) return;
  }
  if (position > 0) return;
  throw new LachesisError('not_found', `split: no task is of split "${split}".`, {
    reason: 'NO_TASKS',
    field: 'split',
    remedy: 'Name a split that the tasks have, or leave it empty for all.',
  });
}
