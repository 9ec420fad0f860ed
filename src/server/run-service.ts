import { create } from '@bufbuild/protobuf';
import type { ConnectRouter } from '@connectrpc/connect';
import {
  CloseRunResponseSchema,
  GetGroupResponseSchema,
  GetRunResponseSchema,
  GetRunStatusResponseSchema,
  ListDeadLettersResponseSchema,
  ListRunsResponseSchema,
  OpenRunResponseSchema,
  RunService,
  ScanGroupsResponseSchema,
  WatchRunResponseSchema,
} from '../../gen/lachesis/v1/run_service_pb.ts';
import { pause } from '../async/index.ts';
import {
  type AutoPlay,
  type BatchSize,
  type Broker,
  isPayloadLost,
  type RunSettings,
  type RunState,
  type RunStatus,
  type StoredGroup,
} from '../broker/index.ts';
import {
  assertRunId,
  countFromInt64,
  deadLetterToProto,
  decodeGroupHeader,
  msFromDuration,
  runSettingsFromProto,
  runStatusToProto,
  runToProto,
} from '../contract/index.ts';
import { invalidInput } from '../errors.ts';
import { chunksOfGroup } from './group-chunks.ts';
import { decodePageToken, encodePageToken } from './page-token.ts';

export interface RunServiceOptions {
  readonly broker: Broker;
  /** Rejects when this server can't play so for a run. */
  readonly checkAutoPlay: (
    autoPlay: AutoPlay,
    batchSize: BatchSize,
    signal: AbortSignal,
  ) => Promise<void>;
  /** What holds a run's auto play up, in words; empty for nothing. */
  readonly problemOf: (runId: string) => string;
  /** Sees every run that is opened, taken over or closed. */
  readonly onRun: (run: RunState) => void;
}

/** A run that would drop every group that it orders would wait for ever. */
function refuseDroppingAll({ autoPlay, dropUniformGroups }: RunSettings): void {
  if (!dropUniformGroups || autoPlay === undefined) return;
  if (autoPlay.environments.some(({ groupSize }) => groupSize > 1)) return;
  throw invalidInput(
    'settings.drop_uniform_groups',
    'is set, and a group of one rollout has nothing to differ from: all would be dropped.',
    { reason: 'ALWAYS_UNIFORM', remedy: 'Order larger groups, or keep uniform ones.' },
  );
}

/** A group is never split, so one that is larger than a batch would be played and refused without end. */
function refuseLargeGroups({ autoPlay, batchSize }: RunSettings): void {
  if (batchSize.kind !== 'rows') return;
  const place = autoPlay?.environments.findIndex(({ groupSize }) => groupSize > batchSize.rows);
  if (place === undefined || place < 0) return;
  throw invalidInput(
    `settings.auto_play.environments[${place}].group_size`,
    `is more than the ${batchSize.rows} rows of a batch, and a group is never split.`,
    { reason: 'GROUP_LARGER_THAN_BATCH', remedy: 'Order smaller groups, or larger batches.' },
  );
}

/** A run that may hold fewer groups than a batch takes would wait for ever. */
function refuseStarving({ batchSize, maxWaitingGroups }: RunSettings): void {
  if (batchSize.kind !== 'groups' || maxWaitingGroups === 0) return;
  if (batchSize.groups <= maxWaitingGroups) return;
  throw invalidInput(
    'settings.max_waiting_groups',
    `is ${maxWaitingGroups}, and a batch takes ${batchSize.groups} groups: none could be cut.`,
    { reason: 'BATCH_NEVER_FULL', remedy: 'Raise it, or leave it out.' },
  );
}

const DEFAULT_WATCH_MS = 1_000;
const LEAST_WATCH_MS = 50;
const MAX_PAGE = 1_000;

/** Serves `RunService` over the broker. */
export function runService(router: ConnectRouter, options: RunServiceOptions): void {
  const { broker } = options;
  const statusOf = async (runId: string): Promise<RunStatus> => ({
    ...(await broker.status(runId)),
    problem: options.problemOf(runId),
  });
  router.service(RunService, {
    openRun: async (request, { signal }) => {
      assertRunId(request.runId, 'run_id');
      const settings = runSettingsFromProto(request.settings);
      refuseStarving(settings);
      refuseDroppingAll(settings);
      refuseLargeGroups(settings);
      if (settings.autoPlay !== undefined) {
        await options.checkAutoPlay(settings.autoPlay, settings.batchSize, signal);
      }
      const { run, existed } = await broker.openRun(
        request.runId,
        settings,
        countFromInt64(request.initialPolicyVersion, 'initial_policy_version'),
      );
      options.onRun(run);
      return create(OpenRunResponseSchema, { run: runToProto(run), existed });
    },
    getRun: async ({ runId }) =>
      create(GetRunResponseSchema, { run: runToProto(await broker.getRun(runId)) }),
    listDeadLetters: async ({ runId }) => {
      const deadLetters = (await broker.deadLetters(runId)).map(deadLetterToProto);
      return create(ListDeadLettersResponseSchema, { deadLetters });
    },
    listRuns: async ({ pageSize, pageToken }) => {
      if (pageSize < 0) throw invalidInput('page_size', 'is negative.');
      const runs = await broker.listRuns();
      const from = decodePageToken(pageToken);
      const size = pageSize > 0 ? Math.min(pageSize, MAX_PAGE) : 100;
      const next = from + size;
      return create(ListRunsResponseSchema, {
        runs: runs.slice(from, next).map(runToProto),
        nextPageToken: next < runs.length ? encodePageToken(next) : '',
      });
    },
    closeRun: async ({ runId }) => {
      const run = await broker.closeRun(runId);
      options.onRun(run);
      return create(CloseRunResponseSchema, { run: runToProto(run) });
    },
    getRunStatus: async ({ runId }) =>
      create(GetRunStatusResponseSchema, { status: runStatusToProto(await statusOf(runId)) }),
    watchRun: async function* ({ runId, interval }, { signal }) {
      const everyMs =
        interval === undefined
          ? DEFAULT_WATCH_MS
          : Math.max(LEAST_WATCH_MS, msFromDuration(interval));
      while (!signal.aborted) {
        const status = await statusOf(runId);
        yield create(WatchRunResponseSchema, { status: runStatusToProto(status) });
        if (status.run.closed) return;
        await pause(everyMs, signal);
      }
    },
    getGroup: async function* ({ runId, groupId, headerOnly }, { signal }) {
      const group = await broker.getGroup(runId, groupId);
      const value = decodeGroupHeader(await group.payload.header({ signal }));
      yield create(GetGroupResponseSchema, { frame: { case: 'header', value } });
      if (!headerOnly) {
        for await (const chunk of chunksOfGroup(group, { signal })) {
          yield create(GetGroupResponseSchema, { frame: { case: 'chunk', value: chunk } });
        }
      }
      yield create(GetGroupResponseSchema, { frame: { case: 'end', value: {} } });
    },
    scanGroups: async function* ({ runId, afterPosition, maxGroups, headerOnly }, { signal }) {
      let left = countFromInt64(maxGroups, 'max_groups') || Infinity;
      const after = countFromInt64(afterPosition, 'after_position');
      for await (const { position, group } of broker.scanGroups(runId, after)) {
        const bytes = await wholeHeader(group, { headerOnly, signal });
        if (bytes === undefined) continue;
        const value = { position: BigInt(position), header: decodeGroupHeader(bytes) };
        yield create(ScanGroupsResponseSchema, { frame: { case: 'group', value } });
        if (!headerOnly) {
          for await (const chunk of chunksOfGroup(group, { signal })) {
            yield create(ScanGroupsResponseSchema, { frame: { case: 'chunk', value: chunk } });
          }
        }
        yield create(ScanGroupsResponseSchema, { frame: { case: 'end', value: {} } });
        left -= 1;
        if (left <= 0) return;
      }
    },
  });
}

/** Of a group that can be sent; undefined for one that is damaged. */
async function wholeHeader(
  { payload }: StoredGroup,
  { headerOnly, signal }: { readonly headerOnly: boolean; readonly signal: AbortSignal },
): Promise<Uint8Array | undefined> {
  // A header that is sent promises the parts.
  if (!headerOnly && (await payload.check({ signal })) === 'damaged') return undefined;
  return await payload.header({ signal }).catch((error: unknown) => {
    if (!isPayloadLost(error)) throw error;
    return undefined;
  });
}
