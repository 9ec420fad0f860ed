import type { Task } from '../../../contract/index.ts';
import { invalidInput } from '../../../errors.ts';
import type { TaskSource } from '../../environment.ts';
import { sourceOf, type TasksLike } from './source-of.ts';

/** A source that is joined with others. */
export interface TaskPart<Data> {
  readonly source: TasksLike<Data>;
  /** Goes before its keys, as `name/key`, so that keys of two parts can't meet. Default: its place. */
  readonly name?: string;
}

export interface NamedPart<Data> {
  readonly name: string;
  readonly source: TaskSource<Data>;
  readonly task: (task: Task<Data>) => Task<Data>;
}

/** Parts with their names settled, or an invalid_input: at least one, no two of one name. */
export function namedParts<Data>(
  field: string,
  parts: readonly TaskPart<Data>[],
): readonly NamedPart<Data>[] {
  if (parts.length === 0) throw invalidInput(field, 'has no sources.');
  const names = new Set<string>();
  return parts.map(({ source, name = '' }, place) => {
    const own = name === '' ? String(place) : name;
    if (own.includes('/')) throw invalidInput(`${field}[${place}].name`, 'holds a `/`.');
    if (names.has(own)) {
      throw invalidInput(`${field}[${place}].name`, `is \`${own}\`, as another source's is.`);
    }
    names.add(own);
    return {
      name: own,
      source: sourceOf(source),
      task: (task) => ({ ...task, key: `${own}/${task.key}` }),
    };
  });
}

/** The task of a joined key. */
export async function getFromParts<Data>(
  parts: readonly NamedPart<Data>[],
  key: string,
): Promise<Task<Data> | undefined> {
  const slash = key.indexOf('/');
  const part = parts.find(({ name }) => name === key.slice(0, slash));
  if (slash < 0 || part === undefined) return undefined;
  const task = await part.source.get(key.slice(slash + 1));
  return task === undefined ? undefined : part.task(task);
}

/** How many tasks the parts have together; undefined when one has no known end. */
export function countOfParts<Data>(parts: readonly NamedPart<Data>[]): number | undefined {
  let sum = 0;
  for (const { source } of parts) {
    if (source.count === undefined) return undefined;
    sum += source.count;
  }
  return sum;
}
