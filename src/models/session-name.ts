import type { SessionOptions } from './model-server.ts';

/** What an engine is told whose calls these are: the same for no two sessions that may be open at a time. */
export function sessionName({ runId = '', rolloutId }: SessionOptions): string {
  return runId === '' ? rolloutId : `${runId}/${rolloutId}`;
}
