import { readFile } from 'node:fs/promises';
import type { RunStatus } from '../../../src/broker/index.ts';
import type { LachesisClient, RunOptions } from '../../../src/client/index.ts';
import type { Assignment } from '../../../src/contract/index.ts';
import { type PulledBatch, type Puller, startPullers } from './gsm8k-pullers.ts';
import type { Gsm8kRow } from './gsm8k-rows.ts';

export const GROUP_SIZE = 2;

/** Everything that both ends say of a run in which each row was played once, in a group of two. */
export interface PlayedRun {
  /** Terminal events by rollout. */
  readonly endings: ReadonlyMap<string, number>;
  /** Of the server, when all was pulled, before the run was closed. */
  readonly status: RunStatus;
  /** What each of the trainers pulled and acked. */
  readonly pulled: readonly (readonly PulledBatch[])[];
  /** From the first order to the last ack. */
  readonly seconds: number;
}

/** Opens a run, orders a group per row over gRPC, and lets two trainers pull until all is done. */
export async function playRows(
  client: LachesisClient,
  options: {
    readonly runId: string;
    readonly rows: readonly Gsm8kRow[];
    readonly settings: RunOptions;
    readonly order: Partial<Pick<Assignment, 'sampling' | 'limits'>>;
    readonly python: string;
  },
): Promise<PlayedRun> {
  const { runId, rows, settings, order, python } = options;
  await client.runs.open(runId, settings);
  await using owned = new AsyncDisposableStack();
  const pullers: readonly Puller[] = startPullers(client.address, runId, python);
  for (const puller of pullers) owned.use(puller);
  await Promise.all(pullers.map(({ ready }) => ready));
  const start = performance.now();
  const started = await Promise.all(
    rows.map(({ key }) =>
      client.environments.startGroup({
        ...order,
        id: `${runId}-${key}`,
        runId,
        environment: 'gsm8k',
        taskKey: key,
        groupSize: GROUP_SIZE,
      }),
    ),
  );
  const endings = new Map<string, number>();
  const rolloutIds = started.flatMap((group) => group.rolloutIds);
  for await (const { rolloutId, event } of client.environments.watch({
    rolloutIds,
    untilFinished: true,
  })) {
    if (event.case === 'finished') endings.set(rolloutId, (endings.get(rolloutId) ?? 0) + 1);
  }
  const status = await settled(client, runId);
  const seconds = (performance.now() - start) / 1000;
  await client.runs.close(runId);
  const pulled = await Promise.all(pullers.map(({ batches }) => batches));
  return { endings, status, pulled, seconds };
}

/** The figures once nothing is played any more and what waits is no batch. */
async function settled(client: LachesisClient, runId: string): Promise<RunStatus> {
  for await (const status of client.runs.watch(runId, { intervalMs: 50 })) {
    const { batchSize } = status.run.settings;
    const isBatch =
      batchSize.kind === 'groups'
        ? status.waitingGroups >= batchSize.groups
        : status.waitingRows >= (batchSize.kind === 'rows' ? batchSize.rows : batchSize.tokens);
    if (status.openAssignments === 0 && status.leasedBatches === 0 && !isBatch) return status;
  }
  throw new Error(`run ${runId} was closed`);
}

/** The parts of a line of a rollout file that are held against what was pulled, read as plain JSON. */
export interface WrittenRollout {
  readonly id: string;
  readonly run_id: string;
  readonly group_id: string;
  readonly task_key: string;
  readonly reward: number | null;
  readonly failure: { readonly kind: string; readonly reason: string } | null;
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  readonly result: { readonly stop_reason: string };
  readonly segments: readonly {
    readonly token_ids: readonly number[];
    readonly logprobs: readonly number[] | null;
  }[];
  readonly ledger: Readonly<Record<string, number>>;
}

/** All lines of a rollout file. */
export async function readWritten(file: string): Promise<readonly WrittenRollout[]> {
  const text = await readFile(file, 'utf8');
  if (!text.endsWith('\n')) throw new Error(`${file} ends in the middle of a line`);
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as WrittenRollout);
}

/** The text that a written rollout was scored by. */
export function finalText({ messages }: WrittenRollout): string {
  return messages.findLast(({ role }) => role === 'assistant')?.content ?? '';
}
