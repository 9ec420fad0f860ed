import { invalidInput } from '../../../errors.ts';
import type { TaskInput, TaskSource } from '../../environment.ts';
import { arraySource } from '../array-source.ts';

/** What every view takes: a source, or the tasks themselves. */
export type TasksLike<Data> = TaskSource<Data> | readonly TaskInput<Data>[];

/** Where a reading begins, and what ends it early. */
export interface Reading {
  readonly from?: number;
  readonly signal?: AbortSignal;
}

export function sourceOf<Data>(tasks: TasksLike<Data>): TaskSource<Data> {
  return 'tasks' in tasks ? tasks : arraySource(tasks);
}

export function readingFrom(from: number, signal: AbortSignal | undefined): Reading {
  return signal === undefined ? { from } : { from, signal };
}

export function signalOnly(signal: AbortSignal | undefined): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}

/** Makes a source ready, once for all callers; a failed attempt is not kept, so it may be tried again. */
export function onceReady(
  prepare: (signal: AbortSignal | undefined) => Promise<void>,
): (signal?: AbortSignal) => Promise<void> {
  let ready: Promise<void> | undefined;
  return (signal) => {
    ready ??= prepare(signal).catch((error: unknown) => {
      ready = undefined;
      throw error;
    });
    return ready;
  };
}

/** A size that a view is given, or an invalid_input that names it. */
export function wholeNumber(field: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw invalidInput(field, `is ${value}; a whole number of at least 0 is needed.`);
}
