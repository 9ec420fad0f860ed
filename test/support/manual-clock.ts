import type { Clock } from '../../src/async/index.ts';

/** A clock that a test moves by hand. */
export interface ManualClock extends Clock {
  /** Timers not yet run or called off. */
  readonly pending: number;
  /** How far away the next timer is; undefined when there is none. */
  readonly nextInMs: number | undefined;
  /** Moves on, running due timers in order and letting what they wake run before the next. */
  advance(ms: number): Promise<void>;
}

export function manualClock(): ManualClock {
  let nowMs = 0;
  let nextId = 0;
  const timers = new Map<number, { readonly dueMs: number; readonly run: () => void }>();
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
  return {
    get pending() {
      return timers.size;
    },
    get nextInMs() {
      if (timers.size === 0) return undefined;
      return Math.min(...[...timers.values()].map(({ dueMs }) => dueMs)) - nowMs;
    },
    now: () => nowMs,
    schedule(delayMs, run) {
      const id = nextId++;
      timers.set(id, { dueMs: nowMs + delayMs, run });
      return () => timers.delete(id);
    },
    async advance(ms) {
      const untilMs = nowMs + ms;
      await settle();
      for (;;) {
        const due = [...timers].filter(([, timer]) => timer.dueMs <= untilMs);
        const [first] = due.sort(([, a], [, b]) => a.dueMs - b.dueMs);
        if (first === undefined) break;
        timers.delete(first[0]);
        nowMs = Math.max(nowMs, first[1].dueMs);
        first[1].run();
        await settle();
      }
      nowMs = untilMs;
    },
  };
}

/** A clock that jumps to its next timer as soon as nothing else is to be done; no time is waited for. */
export function eagerClock(): Clock {
  const clock = manualClock();
  let isArmed = false;
  const arm = (): void => {
    if (isArmed || clock.nextInMs === undefined) return;
    isArmed = true;
    // Two rounds of the event loop: work that is ready comes first.
    setImmediate(() =>
      setImmediate(async () => {
        await clock.advance(clock.nextInMs ?? 0);
        isArmed = false;
        arm();
      }),
    );
  };
  return {
    now: clock.now,
    schedule(delayMs, run) {
      const cancel = clock.schedule(delayMs, run);
      arm();
      return cancel;
    },
  };
}
