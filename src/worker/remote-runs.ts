import type { RunState } from '../broker/index.ts';
import { lachesisErrorOf } from '../client/index.ts';
import type { Logger } from '../telemetry/index.ts';
import type { ServerLink } from './server-link.ts';

interface FollowedRun {
  version: number;
  readonly over: AbortController;
}

/** The policy versions of the runs that a worker plays for, as their trainers announce them. */
export class RemoteRuns implements Disposable {
  readonly #link: ServerLink;
  readonly #logger: Logger;
  readonly #runs = new Map<string, FollowedRun>();

  constructor(link: ServerLink, logger: Logger) {
    this.#link = link;
    this.#logger = logger;
  }

  versionOf(runId: string): number {
    return this.#runs.get(runId)?.version ?? 0;
  }

  /** From a lease: something of the run is played from now on. */
  follow({ id, policyVersion }: Pick<RunState, 'id' | 'policyVersion'>): void {
    const known = this.#runs.get(id);
    if (known !== undefined) {
      known.version = Math.max(known.version, policyVersion);
      return;
    }
    const run = { version: policyVersion, over: new AbortController() };
    this.#runs.set(id, run);
    void this.#watch(id, run);
  }

  /** Nothing of it is played any more. */
  forget(runId: string): void {
    this.#runs.get(runId)?.over.abort();
    this.#runs.delete(runId);
  }

  [Symbol.dispose](): void {
    for (const runId of [...this.#runs.keys()]) this.forget(runId);
  }

  async #watch(runId: string, run: FollowedRun): Promise<void> {
    const { signal } = run.over;
    try {
      await this.#link.call(signal, async (client) => {
        // A run that is closed ends it: what still plays goes on under the last version.
        for await (const version of client.batches.watchPolicyVersion(runId, { signal })) {
          run.version = version;
        }
      });
    } catch (error) {
      if (signal.aborted) return;
      const { message } = lachesisErrorOf(error);
      // The leases still bring it, a little later.
      this.#logger.warn('policy version not followed', { runId, error: message });
    }
  }
}
