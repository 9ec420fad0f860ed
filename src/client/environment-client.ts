import { fromBinary } from '@bufbuild/protobuf';
import type { Client, Transport } from '@connectrpc/connect';
import {
  type Environment,
  EnvironmentService,
  type EvaluateResponse,
  type GetRolloutResponse,
  type WatchRolloutsResponse,
} from '../../gen/lachesis/v1/environment_service_pb.ts';
import {
  type RolloutEvent,
  RolloutSchema,
  type Rollout as WireRollout,
} from '../../gen/lachesis/v1/rollout_pb.ts';
import {
  type Assignment,
  assignmentToProto,
  durationFromMs,
  type Rollout,
  rolloutFromProto,
  samplingToProto,
  type Task,
  taskFromProto,
} from '../contract/index.ts';
import type { SamplingParameters } from '../messages.ts';
import { createRpcClient } from '../transport/index.ts';
import { ChunkAssembler } from '../wire/index.ts';
import { type CallOptions, toConnect } from './call-options.ts';
import { cutShort } from './cut-short.ts';
import { type PlayOptions, playRollout } from './play.ts';
import { Reconnector } from './reconnect.ts';

/** A result of an evaluation, or the figures of all. */
export type EvaluationStep = Exclude<EvaluateResponse['step'], { case: 'heartbeat' | undefined }>;

/** An order, with what can be left out left out; its task by key, or whole. */
export type AssignmentInput = Pick<Assignment, 'id' | 'environment'> &
  Partial<Omit<Assignment, 'id' | 'environment' | 'task'>> &
  (
    | { readonly taskKey: string; readonly task?: undefined }
    | { readonly task: Assignment['task']; readonly taskKey?: undefined }
  );

/** What was started: its rollouts, and the cursor to watch from so that nothing is missed. */
export interface Started {
  /** By index. */
  readonly rolloutIds: readonly string[];
  readonly afterSequence: number;
}

export interface WatchOptions extends CallOptions {
  /** The last sequence seen. Default: 0, all that is kept. */
  readonly afterSequence?: number;
  /** Only of this run, and the groups and rollouts are its. Default: any, as long as no id is one of several. */
  readonly runId?: string;
  readonly groupIds?: readonly string[];
  readonly rolloutIds?: readonly string[];
  /** End once every selected rollout has ended. */
  readonly untilFinished?: boolean;
  readonly heartbeatMs?: number;
  /** True: heartbeats are yielded too. Default: false. */
  readonly heartbeats?: boolean;
}

/** A rollout that has ended, or what there is of one that runs. */
export type FoundRollout =
  | { readonly kind: 'finished'; readonly rollout: Rollout }
  | { readonly kind: 'running'; readonly soFar: WireRollout };

/** What is left out is as the environment's own `evaluation` says, and what that leaves out as said here. */
export interface EvaluateOptions extends CallOptions {
  readonly environment: string;
  /** Only tasks of this split; empty for all. Default: all. */
  readonly split?: string;
  /** 0 for all, which an endless source refuses. Default: all. */
  readonly maxTasks?: number;
  /** Of each task. Default: 1. */
  readonly attempts?: number;
  /** On top of the environment's own. */
  readonly sampling?: SamplingParameters;
  readonly limits?: Assignment['limits'];
  /** Rollouts in flight. Default: the server's own. */
  readonly concurrency?: number;
  /** A reward of at least this counts as solved. Default: 1. */
  readonly solvedAt?: number;
}

/** Environments: what they are, and playing them. */
export class EnvironmentClient {
  readonly #client: Client<typeof EnvironmentService>;

  readonly #reconnect: Reconnector;

  constructor(transport: Transport, reconnect: Reconnector = new Reconnector(false)) {
    this.#client = createRpcClient(EnvironmentService, transport);
    this.#reconnect = reconnect;
  }

  async list(options?: CallOptions): Promise<readonly Environment[]> {
    return (await this.#client.listEnvironments({}, toConnect(options))).environments;
  }

  /** Tasks in the source's order, a page at a time as they are asked for. */
  async *tasks(
    environment: string,
    options: CallOptions & { readonly split?: string; readonly pageSize?: number } = {},
  ): AsyncGenerator<Task, void, void> {
    const { split = '', pageSize = 0 } = options;
    let pageToken = '';
    do {
      const request = { environment, split, pageSize, pageToken };
      const page = await this.#client.listTasks(request, toConnect(options));
      for (const [index, task] of page.tasks.entries())
        yield taskFromProto(task, `tasks[${index}]`);
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
  }

  async task(environment: string, taskKey: string, options?: CallOptions): Promise<Task> {
    const { task } = await this.#client.getTask({ environment, taskKey }, toConnect(options));
    if (task === undefined) throw cutShort('the answer has no task.');
    return taskFromProto(task, 'task');
  }

  /** Starts a group; asking twice for one id starts it once. */
  async startGroup(
    assignment: AssignmentInput,
    options: CallOptions & { readonly priority?: number } = {},
  ): Promise<Started> {
    const request = { assignment: assignmentToProto(complete(assignment), options.priority) };
    const response = await this.#client.startGroup(request, toConnect(options));
    const { rolloutIds, afterSequence } = response;
    return { rolloutIds, afterSequence: Number(afterSequence) };
  }

  /** Starts rollouts that belong to no run and are each scored alone. */
  async startRollouts(assignment: AssignmentInput, options: CallOptions = {}): Promise<Started> {
    const request = { assignment: assignmentToProto(complete(assignment)) };
    const response = await this.#client.startRollouts(request, toConnect(options));
    const { rolloutIds, afterSequence } = response;
    return { rolloutIds, afterSequence: Number(afterSequence) };
  }

  /** `runId` is needed where several runs have the id. */
  async rollout(
    rolloutId: string,
    options: CallOptions & { readonly runId?: string } = {},
  ): Promise<FoundRollout> {
    const { runId = '' } = options;
    const frames = this.#client.getRollout({ rolloutId, runId }, toConnect(options));
    const rollout = await receiveRollout(frames);
    if (rollout.outcome.case === undefined) return { kind: 'running', soFar: rollout };
    return { kind: 'finished', rollout: rolloutFromProto(rollout, 'rollout') };
  }

  /** Events from a cursor on, without gap or repeat, across reconnects. Leaving the loop ends the watch. */
  async *watch(options: WatchOptions = {}): AsyncGenerator<RolloutEvent, void, void> {
    const { groupIds = [], rolloutIds = [], untilFinished = false, heartbeatMs, signal } = options;
    const { runId = '' } = options;
    const events = this.#reconnect.stream<WatchRolloutsResponse, bigint>(
      (afterSequence, signal) =>
        this.#client.watchRollouts(
          {
            groupIds: [...groupIds],
            rolloutIds: [...rolloutIds],
            untilFinished,
            runId,
            ...(afterSequence !== undefined && { afterSequence }),
            ...(heartbeatMs !== undefined && { heartbeatInterval: durationFromMs(heartbeatMs) }),
          },
          { ...toConnect(options), signal },
        ),
      {
        // A heartbeat has no sequence of its own.
        cursorOf: ({ event }) => (event?.sequence === 0n ? undefined : event?.sequence),
        after: BigInt(options.afterSequence ?? 0),
        signal,
      },
    );
    for await (const { event } of events) {
      if (event === undefined) continue;
      if (event.event.case !== 'heartbeat' || options.heartbeats === true) yield event;
    }
  }

  /** Cancels rollouts; returns those that were running. Each still ends with one terminal event. */
  async cancel(
    selection: {
      readonly rolloutIds?: readonly string[];
      readonly groupIds?: readonly string[];
      readonly reason?: string;
      /** Of these groups and rollouts; needed where several runs have an id. */
      readonly runId?: string;
    },
    options?: CallOptions,
  ): Promise<readonly string[]> {
    const { rolloutIds = [], groupIds = [], reason = '', runId = '' } = selection;
    const request = { rolloutIds: [...rolloutIds], groupIds: [...groupIds], reason, runId };
    const response = await this.#client.cancelRollouts(request, toConnect(options));
    return response.cancelledRolloutIds;
  }

  /** Plays one rollout whose tool calls or generations, or both, are answered here. */
  async play(assignment: AssignmentInput, options: PlayOptions = {}): Promise<Rollout> {
    return await playRollout(this.#client, complete(assignment), options);
  }

  /** Plays every task of a selection; yields each result as it ends, and a summary last. */
  async *evaluate(options: EvaluateOptions): AsyncGenerator<EvaluationStep, void, void> {
    const { environment, split, maxTasks, attempts = 0, concurrency = 0 } = options;
    const { solvedAt, sampling = {}, limits = {} } = options;
    const { maxTurns, timeoutMs } = limits;
    const request = {
      environment,
      ...(split !== undefined && { split }),
      ...(maxTasks !== undefined && { maxTasks: BigInt(maxTasks) }),
      attempts,
      concurrency,
      sampling: samplingToProto(sampling),
      limits: {
        ...(maxTurns !== undefined && { maxTurns }),
        ...(timeoutMs !== undefined && { timeout: durationFromMs(timeoutMs) }),
      },
      ...(solvedAt !== undefined && { solvedAt }),
    };
    for await (const { step } of this.#client.evaluate(request, toConnect(options))) {
      if (step.case !== undefined && step.case !== 'heartbeat') yield step;
    }
  }
}

/** Puts the chunks of one serialized rollout together. */
async function receiveRollout(frames: AsyncIterable<GetRolloutResponse>): Promise<WireRollout> {
  let assembler: ChunkAssembler | undefined;
  for await (const { totalSize, data } of frames) {
    assembler ??= new ChunkAssembler(Number(totalSize), 'rollout');
    assembler.append(data);
  }
  if (assembler === undefined) throw cutShort('the rollout came without a byte.');
  return fromBinary(RolloutSchema, assembler.bytes());
}

function complete(input: AssignmentInput): Assignment {
  const { taskKey, task, ...rest } = input;
  const base = { runId: '', groupSize: 1, sampling: {}, limits: {}, ...rest };
  return { ...base, task: task ?? { kind: 'key', key: taskKey ?? '' } };
}
