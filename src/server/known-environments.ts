import { type Broker, systemClock } from '../broker/index.ts';
import { LachesisError } from '../errors.ts';
import type { HostedEnvironments } from './hosted.ts';
import type { WorkerRegistry } from './worker-registry.ts';

/** Environments that can be ordered for runs: hosted here, announced by a worker, or named by the run itself. */
export class KnownEnvironments {
  readonly #hosted: HostedEnvironments;
  readonly #workers: WorkerRegistry;
  readonly #broker: Broker;
  readonly #now: () => number;

  constructor(parts: {
    readonly hosted: HostedEnvironments;
    readonly workers: WorkerRegistry;
    readonly broker: Broker;
    readonly now?: () => number;
  }) {
    this.#hosted = parts.hosted;
    this.#workers = parts.workers;
    this.#broker = parts.broker;
    this.#now = parts.now ?? systemClock.nowMs;
  }

  /** Throws `not_found`, naming `field` and what there is, for one that nobody would ever play for the run. */
  async assertPlayable(name: string, runId: string, field: string): Promise<void> {
    if (this.#hosted.names.includes(name)) return;
    const announced = this.#workers.environments(this.#now());
    if (announced.has(name)) return;
    const { settings } = await this.#broker.getRun(runId);
    if (settings.environments.includes(name)) return;
    throw new LachesisError('not_found', `${field}: no environment "${name}" here.`, {
      reason: 'ENVIRONMENT_UNKNOWN',
      remedy: `Hosted are: ${list(this.#hosted.names)}; workers here play: ${list([...announced])}. To wait for a worker, name it in the run's settings.environments.`,
      field,
    });
  }

  /** As `HostedEnvironments.get`; says so where only workers have it, since its tasks are with them. */
  assertHosted(name: string, field: string, what: string): void {
    if (!this.#hosted.names.includes(name) && this.#workers.environments(this.#now()).has(name)) {
      throw new LachesisError(
        'failed_precondition',
        `${field}: "${name}" is played by workers and not hosted here, and ${what} takes its tasks from the server.`,
        {
          reason: 'ENVIRONMENT_NOT_HOSTED',
          remedy: `Serve its file here too (\`lachesis serve FILE --no-play\`), or order groups yourself with EnqueueAssignments.`,
          field,
        },
      );
    }
    this.#hosted.get(name, field);
  }
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(', ');
}
