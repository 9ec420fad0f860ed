import { Limiter } from '../../async/index.ts';
import { type Rollout, rolloutIdOf } from '../../contract/index.ts';
import { type PlayOptions, playGroup, playRollout } from '../../environment/index.ts';
import type { KeptRow } from './kept-rows.ts';
import { rowIdOf, selectTasks, type TaskRows, type TaskSelection } from './rows.ts';

export interface PlayRowsOptions extends PlayOptions {
  readonly selection: TaskSelection;
  /** Per task. */
  readonly attempts: number;
  /** Rollouts in flight. */
  readonly concurrency: number;
  readonly kept: ReadonlyMap<string, KeptRow>;
  /** Told of each rollout as it ends, but of none that the signal cut short. */
  readonly onRollout: (rollout: Rollout) => void;
}

/**
 * Which attempts at a task are to be played: those that are not scored yet. Rewards that compare a
 * group need all of it at once, so there one missing attempt means all of them.
 */
export function missingAttempts(
  { groupId }: Pick<TaskRows, 'groupId'>,
  options: Pick<PlayRowsOptions, 'attempts' | 'kept' | 'environment'>,
): readonly number[] {
  const all = Array.from({ length: options.attempts }, (_, index) => index);
  const missing = all.filter(
    (index) => options.kept.get(rowIdOf({ groupId, index }))?.scored === undefined,
  );
  const together = options.environment.definition.groupReward !== undefined;
  return together && missing.length > 0 ? all : missing;
}

/**
 * Plays all missing rows, so many at a time. When the signal fires it starts no more, waits for what
 * is in flight to end, and resolves: what was told by then is whole. Rejects only when the tasks can't
 * be read.
 */
export async function playRows(options: PlayRowsOptions): Promise<void> {
  const { environment, selection, signal } = options;
  const limiter = new Limiter(options.concurrency);
  const running = new Set<Promise<void>>();
  const begin = (play: Promise<readonly Rollout[]>): void => {
    const ended = play.then((rollouts) => {
      running.delete(ended);
      const cut = rollouts.some(({ outcome }) => outcome.kind === 'not_scored');
      if (cut && signal.aborted) return;
      for (const rollout of rollouts) options.onRollout(rollout);
    });
    running.add(ended);
  };
  try {
    for await (const rows of selectTasks(environment, selection, signal)) {
      const missing = missingAttempts(rows, options);
      if (missing.length === 0) continue;
      if (environment.definition.groupReward !== undefined) {
        // Waits for its turn and gives the place back: the group's own rollouts take it.
        (await limiter.acquire(signal))[Symbol.dispose]();
        begin(playTogether(options, rows, limiter));
        continue;
      }
      for (const index of missing) {
        const place = await limiter.acquire(signal);
        begin(
          playAlone(options, rows, index).finally(() => {
            place[Symbol.dispose]();
          }),
        );
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await Promise.all(running);
  }
}

async function playAlone(
  options: PlayRowsOptions,
  { task, groupId, position }: TaskRows,
  index: number,
): Promise<readonly Rollout[]> {
  const play = (options.kept.get(rowIdOf({ groupId, index }))?.plays ?? 0) + 1;
  const rolloutId = rolloutIdOf(groupId, index, play);
  return [
    await playRollout({
      ...options,
      ...seedAt(options, position),
      rolloutId,
      groupId,
      index,
      task,
    }),
  ];
}

async function playTogether(
  options: PlayRowsOptions,
  { task, groupId, position }: TaskRows,
  limiter: Limiter,
): Promise<readonly Rollout[]> {
  const plays = Array.from(
    { length: options.attempts },
    (_, index) => options.kept.get(rowIdOf({ groupId, index }))?.plays ?? 0,
  );
  const group = await playGroup({
    ...options,
    ...seedAt(options, position),
    groupId,
    task,
    groupSize: options.attempts,
    attempt: Math.max(...plays) + 1,
    limiter,
  });
  return group.rollouts;
}

/** Attempts at a task share its seed and still differ, since a rollout's index is part of its own. */
function seedAt({ seed }: PlayRowsOptions, position: number): { readonly seed?: number } {
  return seed === undefined ? {} : { seed: seed + position };
}
