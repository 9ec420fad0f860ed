import type { Broker, RunState } from '../broker/index.ts';
import type { Assignment } from '../contract/index.ts';
import type { HostedEnvironment } from '../environment/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { RunPlayer } from './run-player.ts';

export interface AutoPlayOptions {
  readonly broker: Broker;
  readonly environmentOf: (name: string) => Pick<HostedEnvironment, 'name' | 'tasks'>;
  /** Puts assignments in the queue, after their rollouts are made known. */
  readonly enqueue: (assignments: readonly Assignment[]) => Promise<void>;
  readonly logger: Logger;
  /** Longest pause between two looks at a run. Default: 1 s; a kick ends it early. */
  readonly pollMs?: number;
}

/** Plays for the runs that ask for it, each by a player of its own. */
export class AutoPlay implements AsyncDisposable {
  readonly #options: AutoPlayOptions;
  readonly #runs = new Map<string, { readonly player: RunPlayer; readonly done: Promise<void> }>();
  /** Batches that are asked for right now, by run. */
  readonly #asking = new Map<string, number>();
  readonly #closing = new AbortController();

  constructor(options: AutoPlayOptions) {
    this.#options = options;
  }

  /** Plays for a run until it is closed; a run that plays already is left alone. */
  start(run: RunState): void {
    const { autoPlay } = run.settings;
    if (autoPlay === undefined || run.closed || this.#closing.signal.aborted) return;
    if (this.#runs.has(run.id)) return;
    const { pollMs = 1_000, ...options } = this.#options;
    const player = new RunPlayer({
      ...options,
      pollMs,
      runId: run.id,
      autoPlay,
      isAsked: () => this.#asking.has(run.id),
      signal: this.#closing.signal,
    });
    const done = player
      .play()
      .catch((error: unknown) => {
        if (this.#closing.signal.aborted) return;
        this.#options.logger.error('auto play stopped', { runId: run.id, error });
      })
      .finally(() => this.#runs.delete(run.id));
    this.#runs.set(run.id, { player, done });
  }

  /** Something changed in the run: look again now. */
  kick(runId: string): void {
    this.#runs.get(runId)?.player.kick.notify();
  }

  /** What holds a run up that plays by itself, in words; empty for nothing. */
  problemOf(runId: string): string {
    return this.#runs.get(runId)?.player.problem ?? '';
  }

  /**
   * Takes a group's backlog, to be ordered before new tasks and within the run's bounds. Undefined when
   * the run does not play by itself; else how many there was no room for.
   */
  takeBacklog(runId: string, assignments: readonly Assignment[]): number | undefined {
    return this.#runs.get(runId)?.player.takeBacklog(assignments);
  }

  /** A trainer asks for a batch, until what is returned is disposed of. */
  asking(runId: string): Disposable {
    this.#asking.set(runId, (this.#asking.get(runId) ?? 0) + 1);
    this.kick(runId);
    return {
      [Symbol.dispose]: () => {
        const left = (this.#asking.get(runId) ?? 1) - 1;
        if (left === 0) this.#asking.delete(runId);
        else this.#asking.set(runId, left);
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await Promise.all([...this.#runs.values()].map(({ done }) => done));
  }
}
