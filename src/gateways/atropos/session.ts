import type { Clock, RunState, StoredGroup } from '../../broker/index.ts';
import { Environments } from './environments.ts';
import type { AtroposConfig } from './gateway-options.ts';
import type { SavedSession } from './session-file.ts';
import type { TrainerRegistration } from './trainer-registration.ts';
import { WaitingSequences } from './waiting-sequences.ts';

/** What the gateway remembers of the run it serves, beside what the broker holds of it. */
export class Session {
  readonly environments: Environments;
  readonly waiting = new WaitingSequences();
  /** The trainer asked for a batch: environments may register. */
  isStarted = false;
  /** The run was opened through this gateway. */
  isOwn = false;
  /** The run, once it was registered for or taken over. */
  runId: string | undefined;
  registration: TrainerRegistration | undefined;
  /** The group that was stored last. */
  latest: StoredGroup | undefined;
  /** Environments whose logprobs were told to be none. */
  readonly toldOfFlaws = new Set<string>();
  readonly #clock: Clock;
  /** What the step of the run is less than the one that is told. */
  #stepOffset = 0;
  #lastHandedOut = 0;
  #isAdopted = false;

  constructor({ clock, limits }: AtroposConfig, latest?: StoredGroup) {
    this.#clock = clock;
    this.latest = latest;
    const { environmentLeaseMs: leaseMs, maxEnvironments } = limits;
    this.environments = new Environments({ clock, leaseMs, maxEnvironments });
  }

  /** The first registration counts: true for that, which has to be saved. What is known already stays. */
  register(registration: TrainerRegistration, run: RunState): boolean {
    this.runId = run.id;
    if (this.registration !== undefined) return false;
    this.registration = registration;
    this.#stepOffset = registration.startingStep - run.step;
    return true;
  }

  /** What the next process has to know of it. */
  saved({ id: runId, openTimeMs }: RunState): SavedSession {
    const { registration, environments } = this;
    const stepOffset = this.#stepOffset;
    return {
      ...{ runId, openTimeMs, registration, stepOffset },
      environments: environments.saved(),
    };
  }

  /**
   * A run that was there before this process: its trainer started it, and what was saved of it is known
   * again. Where nothing was, its environments have ids that are not known here, and new ids begin where
   * no count of theirs can be. True the first time.
   */
  adopt(run: RunState, saved: SavedSession | undefined): boolean {
    if (this.isOwn || this.#isAdopted) return false;
    this.#isAdopted = true;
    this.isStarted = true;
    this.runId = run.id;
    if (saved?.runId === run.id && saved.openTimeMs === run.openTimeMs) {
      this.registration = saved.registration;
      this.#stepOffset = saved.stepOffset;
      this.environments.restore(saved.environments);
    } else this.environments.beginAt(Math.floor(this.#clock.nowMs()));
    return true;
  }

  /**
   * The trainer's starting step and the batches that were handed out since: a batch counts when its
   * answer begins, once, however often it has to be sent.
   */
  stepOf(run: RunState): number {
    return this.#stepOffset + Math.max(run.step, this.#lastHandedOut);
  }

  handsOut(step: number): void {
    this.#lastHandedOut = Math.max(this.#lastHandedOut, step);
  }
}
