import { errorMessage } from '../errors.ts';

/** Where a process tells of errors that nobody caught; a test gives its own. */
export interface ErrorSource {
  on(
    event: 'unhandledRejection' | 'uncaughtException',
    listener: (error: unknown) => void,
  ): unknown;
}

/**
 * Errors outside of every call: of a promise or a timer that an environment's code left behind.
 * A rejection harms nothing else, so it is told and no more: one careless tool must not end the
 * rollouts of all others. After an exception nothing is sure, so the signal fires, for an ending in order.
 */
export function strayErrors(process: ErrorSource, err: (text: string) => void): AbortSignal {
  const stop = new AbortController();
  const tell = (what: string, error: unknown): void => {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    err(`lachesis: ${what}, probably an environment's:\n${text}\n`);
  };
  process.on('unhandledRejection', (error) => {
    tell('nobody handled a rejected promise', error);
  });
  process.on('uncaughtException', (error) => {
    tell('nobody caught an exception, so this stops', error);
    stop.abort(new Error(`stopped by an exception: ${errorMessage(error)}`));
  });
  return stop.signal;
}
