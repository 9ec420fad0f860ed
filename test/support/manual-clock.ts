import type { Clock } from '../../src/agent/index.ts';

/** A clock that a test moves by hand. */
export interface ManualClock extends Clock {
  /** Timers not yet run or called off. */
  readonly pending: number;
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

/** A clock whose timers are due as soon as nothing else is to be done; no time is waited for. */
export function eagerClock(): Clock {
  let nowMs = 0;
  return {
    now: () => nowMs,
    schedule(delayMs, run) {
      const dueMs = nowMs + delayMs;
      let isOff = false;
      // Two rounds of the event loop: work that is ready comes first.
      setImmediate(() =>
        setImmediate(() => {
          if (isOff) return;
          nowMs = Math.max(nowMs, dueMs);
          run();
        }),
      );
      return () => {
        isOff = true;
      };
    },
  };
}
