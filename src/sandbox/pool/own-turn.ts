import type { Clock } from '../../async/index.ts';

/** Does `work` once in a turn of the event loop of its own, however often it is asked for until then. */
export class OwnTurn {
  readonly #clock: Clock;
  readonly #work: () => void;
  #callOff: (() => void) | undefined;

  constructor(clock: Clock, work: () => void) {
    this.#clock = clock;
    this.#work = work;
  }

  ask(): void {
    this.#callOff ??= this.#clock.schedule(0, () => {
      this.#callOff = undefined;
      this.#work();
    });
  }

  callOff(): void {
    this.#callOff?.();
    this.#callOff = undefined;
  }
}
