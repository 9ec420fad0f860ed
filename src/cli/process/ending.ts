import type { CommandIo } from '../command.ts';
import { count } from '../words.ts';
import type { FinishedPlay } from './play-into-file.ts';

/** Tells how playing into a file ended, where there is more to say than its rows; gives the exit code. */
export function endingOf({ tally, total, endedWell }: FinishedPlay, io: CommandIo): number {
  const isStopped = io.signal.aborted;
  if (isStopped) {
    io.err(`Stopped with ${count(total - tally.rows)} rows left; the same command goes on.\n`);
  } else if (tally.scored === 0) {
    io.err('Nothing was scored.\n');
  }
  if (!endedWell) return 1;
  if (isStopped) return 130;
  return tally.scored > 0 ? 0 : 1;
}
