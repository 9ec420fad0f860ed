import { untilAborted } from '../../async/index.ts';

/** Runs work one after another, in the order of asking. A wait ends with the signal's reason when it fires. */
export type Serial = <Value>(signal: AbortSignal, work: () => Promise<Value>) => Promise<Value>;

export function createSerial(): Serial {
  let last: Promise<unknown> = Promise.resolve();
  return async (signal, work) => {
    const before = last;
    const done = Promise.withResolvers<void>();
    last = before.then(() => done.promise);
    try {
      await untilAborted(before, { signal });
      return await work();
    } finally {
      done.resolve();
    }
  };
}
