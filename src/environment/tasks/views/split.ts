import { createHash } from 'node:crypto';
import { invalidInput } from '../../../errors.ts';
import type { TaskSource } from '../../environment.ts';
import { filterTasks } from './filter.ts';
import { relabelled } from './map.ts';
import { sourceOf, type TasksLike } from './source-of.ts';

/** Shares of the splits; they add up to 1. */
export type SplitShares<Name extends string> = Readonly<Record<Name, number>>;

/**
 * One view per split, each task in exactly one, by a hash of its key and the seed: a task stays in
 * its split when others come or go or the order changes. Shares are met on average, not exactly.
 */
export function splitTasks<Data, Name extends string>(
  tasks: TasksLike<Data>,
  shares: SplitShares<Name>,
  seed = 0,
): Readonly<Record<Name, TaskSource<Data>>> {
  const labelled = assignSplits(tasks, shares, seed);
  const views = (Object.keys(shares) as Name[]).map((name) => [
    name,
    filterTasks(labelled, ({ split }) => split === name),
  ]);
  return Object.freeze(Object.fromEntries(views)) as Readonly<Record<Name, TaskSource<Data>>>;
}

/** As {@link splitTasks}, but all tasks stay in one source and each is given the name of its split. */
export function assignSplits<Data, Name extends string>(
  tasks: TasksLike<Data>,
  shares: SplitShares<Name>,
  seed = 0,
): TaskSource<Data> {
  const splitOf = splitter(shares, seed);
  return relabelled(sourceOf(tasks), (task) => ({ ...task, split: splitOf(task.key) }));
}

function splitter<Name extends string>(
  shares: SplitShares<Name>,
  seed: number,
): (key: string) => Name {
  const names = Object.keys(shares) as Name[];
  const bad = names.find((name) => !(shares[name] >= 0 && shares[name] <= 1));
  if (bad !== undefined) {
    throw invalidInput(`splitTasks.${bad}`, `is ${shares[bad]}; a share of 0 to 1 is needed.`);
  }
  const total = names.reduce((sum, name) => sum + shares[name], 0);
  if (Math.abs(total - 1) > 1e-9) {
    throw invalidInput('splitTasks', `the shares add up to ${total}; they must add up to 1.`);
  }
  const last = names.findLast((name) => shares[name] > 0) as Name;
  return (key) => {
    let left = uniformOf(key, seed);
    for (const name of names) {
      if (left < shares[name]) return name;
      left -= shares[name];
    }
    return last;
  };
}

/** In [0, 1), the same for the same key and seed: 48 bits of SHA-256. */
function uniformOf(key: string, seed: number): number {
  const digest = createHash('sha256')
    .update(JSON.stringify(['split', seed, key]))
    .digest();
  return digest.readUIntBE(0, 6) / 2 ** 48;
}
