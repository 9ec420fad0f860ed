import { type BasicType, fileWriter, ParquetWriter, schemaFromColumnData } from 'hyparquet-writer';
import { chatMessage } from './chat-message.ts';
import { admittedReward, type ExportOptions } from './format.ts';
import type { ReadRollout } from './read-rollouts.ts';

/** Rows held in memory, and the rows of a row group. */
const ROWS_PER_GROUP = 1_000;

type Cell = string | number | bigint | Date | null;

interface Column {
  readonly name: string;
  readonly type: BasicType;
  readonly nullable: boolean;
  readonly of: (read: ReadRollout) => Cell;
}

const column = (name: string, type: BasicType, of: Column['of'], nullable = false): Column => ({
  name,
  type,
  nullable,
  of,
});

/** The columns of docs/rollout-file.md that a table is asked for; what is nested is JSON text. */
const COLUMNS: readonly Column[] = [
  column('id', 'STRING', ({ rollout }) => rollout.id),
  column('run_id', 'STRING', ({ runId }) => runId),
  column('group_id', 'STRING', ({ rollout }) => rollout.groupId),
  column('environment', 'STRING', ({ rollout }) => rollout.provenance.environment),
  column('model', 'STRING', ({ rollout }) => rollout.provenance.model),
  column('task_key', 'STRING', ({ rollout }) => rollout.taskKey),
  column('index', 'INT32', ({ rollout }) => rollout.index),
  column('reward', 'DOUBLE', ({ rollout: { outcome } }) => rewardOf(outcome), true),
  column('reward_components', 'STRING', ({ rollout: { outcome } }) =>
    JSON.stringify(outcome.kind === 'scored' ? outcome.components : []),
  ),
  column('failure', 'STRING', ({ rollout: { outcome } }) => failureText(outcome), true),
  column('messages', 'STRING', ({ rollout }) =>
    JSON.stringify(rollout.result.messages.map(chatMessage)),
  ),
  column('stop_reason', 'STRING', ({ rollout }) => rollout.result.stopReason),
  column('turns_used', 'INT32', ({ rollout }) => rollout.result.turnsUsed),
  column('tool_calls', 'INT32', ({ rollout }) => rollout.result.toolCalls.attempted),
  column('sampled_tokens', 'INT64', ({ rollout }) => BigInt(rollout.ledger.sampled)),
  column('start_time', 'TIMESTAMP', ({ rollout }) => new Date(rollout.startTimeMs)),
  column('end_time', 'TIMESTAMP', ({ rollout }) => new Date(rollout.endTimeMs)),
  column('metrics', 'STRING', ({ rollout }) => JSON.stringify(rollout.metrics)),
];

type Outcome = ReadRollout['rollout']['outcome'];

const rewardOf = (outcome: Outcome): number | null =>
  outcome.kind === 'scored' ? outcome.reward : null;
const failureText = (outcome: Outcome): string | null =>
  outcome.kind === 'scored' ? null : JSON.stringify(outcome.failure);

/** Writes rollouts to a Parquet file, a row group at a time. The file is whole once this resolves. */
export async function writeParquet(
  file: string,
  rollouts: AsyncIterable<ReadRollout>,
  options: ExportOptions,
): Promise<void> {
  const writer = new ParquetWriter({
    writer: fileWriter(file),
    schema: schemaFromColumnData({ columnData: columnData([]) }),
    createdBy: 'lachesis',
  });
  let rows: ReadRollout[] = [];
  const flush = async (): Promise<void> => {
    if (rows.length === 0) return;
    await writer.write({ columnData: columnData(rows), rowGroupSize: ROWS_PER_GROUP });
    rows = [];
  };
  for await (const read of rollouts) {
    if (options.minReward !== undefined && admittedReward(read, options) === undefined) continue;
    options.leftOut.written += 1;
    rows.push(read);
    if (rows.length === ROWS_PER_GROUP) await flush();
  }
  await flush();
  await writer.finish();
}

function columnData(rows: readonly ReadRollout[]) {
  return COLUMNS.map(({ name, type, nullable, of }) => ({
    name,
    type,
    nullable,
    data: rows.map(of),
  }));
}
