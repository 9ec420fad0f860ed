/** Waiting: with a clock, a deadline and a signal. Knows nothing of what is waited for. */
export { type Clock, MAX_TIMER_MS, systemClock } from './clock.ts';
export { type Deadline, type DeadlineOptions, startDeadline } from './deadline.ts';
export type { Ending } from './followers.ts';
export { Limiter, type Place } from './limiter.ts';
export { Notifier } from './notifier.ts';
export { onAbort } from './on-abort.ts';
export { Outbox } from './outbox.ts';
export { pause, sleep } from './sleep.ts';
export { isThenable } from './thenable.ts';
export { type UntilAbortedOptions, untilAborted } from './until-aborted.ts';
