import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import type { ConnectRouter } from '@connectrpc/connect';
import {
  CancelRolloutsResponseSchema,
  type EnvironmentSchema,
  EnvironmentService,
  GetRolloutResponseSchema,
  GetTaskResponseSchema,
  ListEnvironmentsResponseSchema,
  ListTasksResponseSchema,
  StartGroupResponseSchema,
  StartRolloutsResponseSchema,
  WatchRolloutsResponseSchema,
} from '../../gen/lachesis/v1/environment_service_pb.ts';
import { RolloutSchema, type Rollout as WireRollout } from '../../gen/lachesis/v1/rollout_pb.ts';
import type {
  Assignment as WireAssignment,
  Task as WireTask,
} from '../../gen/lachesis/v1/task_pb.ts';
import type { Broker } from '../broker/index.ts';
import {
  type Assignment,
  assignmentFromProto,
  countFromInt64,
  messageToProto,
  msFromDuration,
  rolloutIdsOf,
  rolloutToProto,
  taskKeyOf,
  taskToProto,
  toolDefinitionToProto,
} from '../contract/index.ts';
import { invalidInput, LachesisError } from '../errors.ts';
import { chunksOf, WIRE_LIMITS } from '../wire/index.ts';
import { evaluateStream } from './evaluate-stream.ts';
import { type HostedEnvironments, isolationOf, type ServedEnvironment } from './hosted.ts';
import type { KnownEnvironments } from './known-environments.ts';
import type { LocalPlayer } from './local-player.ts';
import { orderGroups } from './order-groups.ts';
import { decodePageToken, encodePageToken } from './page-token.ts';
import { playStream } from './play-stream.ts';
import type { RolloutLog } from './rollout-log.ts';
import type { RolloutKey } from './rollout-state.ts';
import type { Rollouts } from './rollouts.ts';
import { watchRollouts } from './watch-rollouts.ts';

export interface EnvironmentServiceOptions {
  readonly environments: HostedEnvironments;
  /** What groups of runs may name. */
  readonly known: KnownEnvironments;
  readonly broker: Broker;
  readonly player: LocalPlayer;
  readonly rollouts: Rollouts;
  /** Longest silence of a stream that does not say. */
  readonly heartbeatMs: number;
}

const MAX_PAGE = 1_000;
const DEFAULT_PAGE = 100;
const LEAST_HEARTBEAT_MS = 50;
/** Bytes of a page of tasks, so that it stays a message of stock clients. */
const MAX_PAGE_BYTES = 2 * 1_048_576;

/** Serves `EnvironmentService`. */
export function environmentService(
  router: ConnectRouter,
  options: EnvironmentServiceOptions,
): void {
  const { environments, known, rollouts, player } = options;
  const { log } = rollouts;
  router.service(EnvironmentService, {
    listEnvironments: () =>
      create(ListEnvironmentsResponseSchema, { environments: environments.all.map(describe) }),
    listTasks: (request, { signal }) => listTasks(environments, request, signal),
    getTask: async (request) => {
      const { environment } = environments.get(request.environment);
      const task = await environment.tasks.get(request.taskKey);
      if (task === undefined) {
        throw new LachesisError('not_found', `no task "${request.taskKey}".`, {
          reason: 'TASK_UNKNOWN',
          remedy: 'List the tasks for their keys.',
          field: 'task_key',
        });
      }
      return create(GetTaskResponseSchema, { task: sendable(taskToProto(task)) });
    },
    startGroup: async ({ assignment: wire }) => {
      const assignment = readAssignment(wire);
      const { environment, runId } = assignment;
      const field = 'assignment.environment';
      if (runId === '') known.assertHosted(environment, field, 'play outside of a run');
      else await known.assertPlayable(environment, runId, field);
      const afterSequence = BigInt(log.lastSequence);
      const rolloutIds = rolloutIdsOf(assignment);
      if (!wasStarted(assignment, log)) {
        if (assignment.runId === '') player.play({ assignment });
        else await orderGroups(wire === undefined ? [] : [wire], options, () => 'assignment');
      }
      return create(StartGroupResponseSchema, { rolloutIds, afterSequence });
    },
    startRollouts: ({ assignment: wire }) => {
      const assignment = readAssignment(wire);
      if (assignment.runId !== '') {
        throw invalidInput('assignment.run_id', 'must be empty; StartGroup plays for a run.');
      }
      const field = 'assignment.environment';
      known.assertHosted(assignment.environment, field, 'play outside of a run');
      const afterSequence = BigInt(log.lastSequence);
      if (!wasStarted(assignment, log)) player.play({ assignment, scoredAlone: true });
      const rolloutIds = rolloutIdsOf(assignment);
      return create(StartRolloutsResponseSchema, { rolloutIds, afterSequence });
    },
    getRollout: async function* ({ rolloutId, runId }) {
      const key = { runId: runId || (log.runOfRollout(rolloutId) ?? ''), rolloutId };
      const bytes = toBinary(RolloutSchema, rolloutOf(rollouts, key));
      const totalSize = BigInt(bytes.length);
      for (const { data } of chunksOf(bytes, WIRE_LIMITS.maxChunkBytes)) {
        yield create(GetRolloutResponseSchema, { totalSize, data });
      }
    },
    watchRollouts: async function* (request, { signal }) {
      const { heartbeatInterval } = request;
      const events = watchRollouts(log, {
        after: countFromInt64(request.afterSequence, 'after_sequence'),
        runId: request.runId,
        groupIds: new Set(request.groupIds),
        rolloutIds: new Set(request.rolloutIds),
        untilFinished: request.untilFinished,
        heartbeatMs:
          heartbeatInterval === undefined
            ? options.heartbeatMs
            : Math.max(LEAST_HEARTBEAT_MS, msFromDuration(heartbeatInterval)),
        signal,
      });
      for await (const event of events) yield create(WatchRolloutsResponseSchema, { event });
    },
    cancelRollouts: ({ rolloutIds, groupIds, reason, runId }) => {
      const named = rolloutIds.flatMap((rolloutId) => {
        const key = { runId: runId || (log.runOfRollout(rolloutId) ?? ''), rolloutId };
        return log.stateOf(key) ?? [];
      });
      const ofGroups = groupIds.flatMap((groupId) =>
        rollouts.openOf({ runId: runId || (log.runOfGroup(groupId) ?? ''), groupId }),
      );
      const states = new Set([...named, ...ofGroups]);
      const cancelledRolloutIds = [...rollouts.cancel([...states], reason)];
      return create(CancelRolloutsResponseSchema, { cancelledRolloutIds });
    },
    playRollout: (requests, { signal, timeoutMs }) =>
      playStream(requests, { ...options, signal, timeoutMs }),
    evaluate: (request, { signal, timeoutMs }) =>
      evaluateStream(request, { ...options, signal, timeoutMs }),
  });
}

function describe(served: ServedEnvironment): MessageInitShape<typeof EnvironmentSchema> {
  const { definition, name, settingsJson, settingsJsonSchema, tasks } = served.environment;
  return {
    name,
    version: definition.version ?? '',
    description: definition.description ?? '',
    settingsJsonSchema: settingsJsonSchema === undefined ? '' : JSON.stringify(settingsJsonSchema),
    settingsJson: JSON.stringify(settingsJson),
    tools: (definition.tools ?? []).map((tool) => toolDefinitionToProto(tool.definition)),
    ...(tasks.count !== undefined && { taskCount: BigInt(tasks.count) }),
    isolation: isolationOf(served),
    maxTurns: definition.maxTurns ?? 0,
    modelServer: served.modelServer.kind,
  };
}

async function listTasks(
  environments: HostedEnvironments,
  request: {
    readonly environment: string;
    readonly pageSize: number;
    readonly pageToken: string;
    readonly split: string;
  },
  signal: AbortSignal,
) {
  const { environment } = environments.get(request.environment);
  if (request.pageSize < 0) throw invalidInput('page_size', 'is negative.');
  const size = Math.min(request.pageSize || DEFAULT_PAGE, MAX_PAGE);
  const tasks: ReturnType<typeof taskToProto>[] = [];
  let position = decodePageToken(request.pageToken);
  let bytes = 0;
  for await (const task of environment.tasks.tasks({ from: position, signal })) {
    if (request.split === '' || task.split === request.split) {
      const wire = sendable(taskToProto(task));
      bytes += wire.dataJson.length;
      // The task that does not fit begins the next page.
      const full = tasks.length === size || (tasks.length > 0 && bytes > MAX_PAGE_BYTES);
      if (full) {
        const nextPageToken = encodePageToken(position);
        return create(ListTasksResponseSchema, { tasks, nextPageToken });
      }
      tasks.push(wire);
    }
    position += 1;
  }
  return create(ListTasksResponseSchema, { tasks });
}

/** Whether this very assignment was. Throws when another one has its id, since one of them is a mistake. */
function wasStarted(assignment: Assignment, log: RolloutLog): boolean {
  const { id: groupId, runId } = assignment;
  const [rolloutId] = log.rolloutsOf({ runId, groupId });
  const started = rolloutId === undefined ? undefined : log.stateOf({ runId, rolloutId })?.group;
  if (started === undefined) return false;
  const taskKey = taskKeyOf(assignment);
  const differs = [
    started.environment === '' || started.environment === assignment.environment
      ? ''
      : 'environment',
    started.taskKey === '' || taskKey === '' || started.taskKey === taskKey ? '' : 'task',
    started.rolloutIds.length === assignment.groupSize ? '' : 'group_size',
  ].filter((name) => name !== '');
  if (differs.length === 0) return true;
  throw new LachesisError(
    'already_exists',
    `"${assignment.id}" was started with another ${differs.join(' and ')}.`,
    {
      reason: 'ASSIGNMENT_DIFFERS',
      remedy: 'Choose another id for another assignment.',
      field: 'assignment.id',
    },
  );
}

/** Throws for a task that no message can hold. */
function sendable(task: WireTask): WireTask {
  const bytes = Buffer.byteLength(task.dataJson);
  const mostBytes = WIRE_LIMITS.maxResponseMessageBytes - 65_536;
  if (bytes <= mostBytes) return task;
  throw new LachesisError(
    'resource_exhausted',
    `The data of task "${task.key.slice(0, 100)}" has ${bytes} bytes as JSON; a message holds ${mostBytes}.`,
    {
      reason: 'TASK_TOO_LARGE',
      remedy: 'Keep what is large in a file, and its path in the task; it can be played as it is.',
      field: 'task_key',
    },
  );
}

function readAssignment(wire: WireAssignment | undefined): Assignment {
  if (wire === undefined) throw invalidInput('assignment', 'is missing.');
  return assignmentFromProto(wire, 'assignment');
}

/** The finished rollout, or what there is of one that runs. */
function rolloutOf({ log }: Rollouts, key: RolloutKey): WireRollout {
  const { rolloutId } = key;
  const finished = log.finished(key);
  if (finished !== undefined) return rolloutToProto(finished);
  const state = log.stateOf(key);
  if (state === undefined || state.kind === 'finished') {
    throw new LachesisError('not_found', `rollout "${rolloutId}" is not kept here.`, {
      reason: 'ROLLOUT_UNKNOWN',
      remedy: 'Rollouts of a run are in its groups: see RunService.GetGroup.',
    });
  }
  const messages = log
    .eventsOf(key)
    .flatMap(({ event }) => (event.kind === 'turn' ? event.messages.map(messageToProto) : []));
  const { group, index } = state;
  return create(RolloutSchema, {
    id: rolloutId,
    groupId: group.groupId,
    taskKey: group.taskKey,
    index,
    messages,
  });
}
