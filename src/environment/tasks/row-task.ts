import type { Task } from '../../contract/index.ts';
import { errorMessage, type LachesisError } from '../../errors.ts';
import type { JsonValue } from '../../messages.ts';

/** How the rows of a task file become tasks. */
export interface RowOptions<Data> {
  /** Makes a task's data of a row's value. Default: the value itself. */
  readonly map?: (value: JsonValue, position: number) => Data;
  /** A field of the row's object, or a function of its value. Default: the position. */
  readonly key?: string | ((value: JsonValue, position: number) => string);
  /** A field of the row's object, or a fixed name. Default: none. */
  readonly split?: { readonly field: string } | string;
}

/** One row as a task. `fail` makes the error that says in which file and row. */
export function taskOfRow<Data>(
  value: JsonValue,
  position: number,
  options: RowOptions<Data>,
  fail: (problem: string, cause?: unknown) => LachesisError,
): Task<Data> {
  const attempt = <Result>(what: string, make: () => Result): Result => {
    try {
      return make();
    } catch (error) {
      throw fail(`can't be read by ${what}: ${errorMessage(error)}.`, error);
    }
  };
  const { key, split, map } = options;
  const named = (field: string): string => {
    const found = (value as { readonly [name: string]: JsonValue } | null)?.[field];
    if (typeof found === 'string' && found !== '') return found;
    if (typeof found === 'number') return String(found);
    throw fail(`has no text or number in its field \`${field}\`.`);
  };
  return {
    key:
      key === undefined
        ? String(position)
        : typeof key === 'string'
          ? named(key)
          : attempt('the key function', () => key(value, position)),
    split: split === undefined ? '' : typeof split === 'string' ? split : named(split.field),
    data:
      map === undefined ? (value as Data) : attempt('the map function', () => map(value, position)),
  };
}
