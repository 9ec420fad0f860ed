import { Limiter } from '../async/index.ts';
import {
  type Assignment,
  type Group,
  type RolloutProgress,
  rolloutIdsOf,
} from '../contract/index.ts';
import type { HostedEnvironment } from '../environment/index.ts';
import { LachesisError } from '../errors.ts';
import type { ModelServer } from '../models/index.ts';
import type { Logger } from '../telemetry/index.ts';
import type { ToolHandler } from '../tools/index.ts';
import { playAssignment } from '../worker/index.ts';
import { type HostedEnvironments, isolationOf } from './hosted.ts';
import { dispatchedGroup } from './rollout-state.ts';
import type { Rollouts } from './rollouts.ts';

export interface LocalPlayerOptions {
  readonly environments: HostedEnvironments;
  readonly rollouts: Rollouts;
  /** Rollouts in flight. */
  readonly concurrency: number;
  /** Rollouts in flight or waiting. */
  readonly maxOpen: number;
  readonly workerId: string;
  readonly logger: Logger;
}

export interface LocalPlay {
  readonly assignment: Assignment;
  readonly toolHandler?: ToolHandler;
  /** Default: the environment's own. */
  readonly modelServer?: ModelServer;
  /** True: without the environment's group reward. */
  readonly scoredAlone?: boolean;
  /** Does not wait for one of the server's places: the caller bounds it. */
  readonly unlimited?: boolean;
  readonly onProgress?: (event: RolloutProgress) => void;
  readonly signal?: AbortSignal;
}

/** Plays what belongs to no run: here, without the broker, within the server's own bounds. */
export class LocalPlayer implements AsyncDisposable {
  readonly #options: LocalPlayerOptions;
  readonly #limiter: Limiter;
  readonly #closing = new AbortController();
  readonly #playing = new Set<Promise<Group>>();
  #open = 0;

  constructor(options: LocalPlayerOptions) {
    this.#options = options;
    this.#limiter = new Limiter(options.concurrency);
  }

  /** Begins to play; the group resolves when all its rollouts have ended, and never rejects. */
  play(play: LocalPlay): {
    readonly rolloutIds: readonly string[];
    readonly group: Promise<Group>;
  } {
    const { environments, rollouts, maxOpen, workerId, logger } = this.#options;
    const { assignment, onProgress } = play;
    const served = environments.get(assignment.environment, 'assignment.environment');
    const rolloutIds = rolloutIdsOf(assignment);
    if (this.#open + rolloutIds.length > maxOpen) {
      throw new LachesisError(
        'resource_exhausted',
        `${this.#open} rollouts are open; at most ${maxOpen} may be.`,
        { reason: 'TOO_MANY_ROLLOUTS', remedy: 'Wait until some have ended.', retryAfterMs: 1_000 },
      );
    }
    this.#closing.signal.throwIfAborted();
    rollouts.log.dispatch(dispatchedGroup(assignment));
    this.#open += rolloutIds.length;
    const signals = [this.#closing.signal, ...(play.signal === undefined ? [] : [play.signal])];
    const { toolHandler } = play;
    const group = playAssignment(assignment, {
      environment: play.scoredAlone === true ? alone(served.environment) : served.environment,
      modelServer: play.modelServer ?? served.modelServer,
      ...(toolHandler !== undefined && { toolHandler }),
      isolation: isolationOf(served),
      workerId,
      ...(play.unlimited !== true && { limiter: this.#limiter }),
      onProgress: (event) => {
        rollouts.progress(event, assignment.runId);
        onProgress?.(event);
      },
      onWarning: (message) => logger.warn(message, { assignment: assignment.id }),
      rolloutSignal: (rolloutId) => rollouts.signalOf({ runId: assignment.runId, rolloutId }),
      signal: AbortSignal.any(signals),
    }).finally(() => {
      this.#open -= rolloutIds.length;
      this.#playing.delete(group);
    });
    this.#playing.add(group);
    return { rolloutIds, group };
  }

  /** Rollouts in flight or waiting. */
  get openCount(): number {
    return this.#open;
  }

  /** Cancels what plays and waits for its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(
      new LachesisError('cancelled', 'the server is shutting down.', { reason: 'SERVER_STOPPED' }),
    );
    await Promise.all(this.#playing);
  }
}

/** The environment without its group reward, so that each rollout is scored by itself. */
function alone(environment: HostedEnvironment): HostedEnvironment {
  const { groupReward: _, failedRollouts: __, ...definition } = environment.definition;
  return { ...environment, definition };
}
