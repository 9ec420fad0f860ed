import type { RunStatus } from '../../client/index.ts';
import { visibleJson } from '../visible.ts';

/** A status as one line of JSON, with when it was read; what is undefined is left out. */
export function statusJson(status: RunStatus, now: Date = new Date()): string {
  return `${visibleJson({ time: now.toISOString(), ...status })}\n`;
}
