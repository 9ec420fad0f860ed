import type { ConnectionChange } from '../../client/index.ts';
import { errorMessage, invalidInput } from '../../errors.ts';
import { connectTo } from '../client-options.ts';
import type { CommandIo } from '../command.ts';
import { visible } from '../visible.ts';
import type { RunTask } from './run.ts';
import { statusJson } from './status-json.ts';
import { duration, statusLines } from './status-lines.ts';

/** Entries of a list that are shown: all of it is to fit a terminal. */
const MOST_LISTED = 6;

/** How a run stands, again and again: drawn anew on a terminal, else as lines of JSON. */
export async function watch(task: RunTask, io: CommandIo): Promise<void> {
  const { runId, values, intervalMs } = task;
  if (runId === undefined) {
    throw invalidInput('RUN', 'is missing; give the id of a run.', {
      remedy: '`lachesis run status` lists them.',
    });
  }
  const drawn = io.terminal && !task.json;
  const onChange = (change: ConnectionChange): void => io.err(`${words(change)}\n`);
  await using client = await connectTo(values, io, { reconnect: { onChange } });
  if (drawn) (io.raw ?? io.out)(CLEAR);
  for await (const status of client.runs.watch(runId, { intervalMs, signal: io.signal })) {
    if (drawn) (io.raw ?? io.out)(screen(statusLines(status, MOST_LISTED), io.columns));
    else io.out(statusJson(status));
  }
}

const CLEAR = '\x1b[2J';

/** From the top, each line to its end, and nothing below; no line is long enough to wrap. */
function screen(lines: readonly string[], columns: number): string {
  const cut = lines.map((line) => `${[...visible(line)].slice(0, columns).join('')}\x1b[K\n`);
  return `\x1b[H${cut.join('')}\x1b[J`;
}

function words(change: ConnectionChange): string {
  switch (change.kind) {
    case 'lost':
      return `the server is away, and is asked again until it is back: ${errorMessage(change.error)}`;
    case 'back':
      return `the server is back after ${duration(change.awayMs)}`;
  }
}
