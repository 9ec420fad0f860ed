import type { RunState } from '../../client/index.ts';
import { connectTo } from '../client-options.ts';
import type { CommandIo } from '../command.ts';
import { visibleJson } from '../visible.ts';
import { count } from '../words.ts';
import type { RunTask } from './run.ts';
import { statusJson } from './status-json.ts';
import { duration, shown, statusLines } from './status-lines.ts';
import { table } from './table.ts';

/** Entries of a list that are shown. */
const MOST_LISTED = 20;
const MOST_RUNS = 50;

/** How a run stands now; without one, which runs there are. */
export async function status({ runId, values, json }: RunTask, io: CommandIo): Promise<void> {
  await using client = await connectTo(values, io);
  const { signal } = io;
  if (runId !== undefined) {
    const found = await client.runs.status(runId, { signal });
    io.out(json ? statusJson(found) : `${statusLines(found, MOST_LISTED).join('\n')}\n`);
    return;
  }
  const runs: RunState[] = [];
  let more = 0;
  for await (const run of client.runs.list({ signal })) {
    if (json) io.out(`${visibleJson(run)}\n`);
    else if (runs.length < MOST_RUNS) runs.push(run);
    else more += 1;
  }
  if (json) return;
  if (runs.length === 0) {
    io.out(`${client.address} has no runs.\n`);
    return;
  }
  const nowMs = Date.now();
  const rows = runs.map((run) => [
    shown(run.id),
    run.closed ? 'closed' : 'open',
    count(run.step),
    count(run.policyVersion),
    `${duration(Math.max(0, nowMs - run.openTimeMs))} ago`,
  ]);
  const lines = table([['run', 'state', 'step', 'policy version', 'opened'], ...rows]);
  io.out(`${[...lines, ...(more === 0 ? [] : [`and ${count(more)} more`])].join('\n')}\n`);
}
