import { type Deadline, startDeadline } from '../async/index.ts';

/** The deadline of one model call; `timeoutMs` 0 is none. */
export function callDeadline(timeoutMs: number, signal: AbortSignal): Deadline {
  return startDeadline({
    timeoutMs: timeoutMs > 0 ? timeoutMs : Infinity,
    reason: () => new DOMException(`No answer within ${timeoutMs} ms.`, 'TimeoutError'),
    signal,
  });
}
