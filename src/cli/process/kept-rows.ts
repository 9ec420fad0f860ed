import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { type Rollout, readRolloutLine } from '../../contract/index.ts';
import { errorMessage, invalidInput } from '../../errors.ts';
import { playOf, rowIdOf } from './rows.ts';
import { type PlayedRow, playedRowOf } from './tally.ts';

/** What a rollout file holds of one row. */
export interface KeptRow {
  /** The scored rollout's; undefined while every play of the row failed. */
  readonly scored: PlayedRow | undefined;
  /** How often the row was played. */
  readonly plays: number;
}

/** How every line that we write begins. */
const LINE_START = '{"schema":"lachesis.rollout/';
const NEWLINE = 0x0a;
const CHUNK_BYTES = 1 << 16;

/**
 * Reads the rows of a rollout file; none when there is no file. A last line without its end is what a
 * killed process leaves: it is completed when it is whole, else cut off. Throws an invalid_input with
 * file and line for any other line that is no rollout.
 */
export async function readKeptRows(file: string): Promise<ReadonlyMap<string, KeptRow>> {
  const rows = new Map<string, KeptRow>();
  if (!existsSync(file)) return rows;
  const add = (rollout: Rollout): void => {
    const id = rowIdOf(rollout);
    const before = rows.get(id);
    rows.set(id, {
      // The last one stands, as when a group was played again and scored anew.
      scored: rollout.outcome.kind === 'scored' ? playedRowOf(rollout) : before?.scored,
      plays: Math.max(before?.plays ?? 0, playOf(rollout.id)),
    });
  };
  await using handle = await open(file, 'r+').catch((error: unknown) => {
    throw invalidInput('--out', `can't be read and written: ${errorMessage(error)}.`, {
      cause: error,
    });
  });
  const buffer = Buffer.alloc(CHUNK_BYTES);
  let held: Buffer[] = [];
  let end = 0;
  let lineStart = 0;
  let number = 1;
  while (true) {
    const { bytesRead } = await handle.read(buffer, 0, CHUNK_BYTES, end);
    if (bytesRead === 0) break;
    const chunk = Buffer.from(buffer.subarray(0, bytesRead));
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      const text = Buffer.concat([...held, chunk.subarray(from, at)]).toString('utf8');
      held = [];
      if (text.trim() !== '') add(readRolloutLine(text, `${file}:${number}`).rollout);
      number += 1;
      from = at + 1;
      lineStart = end + from;
    }
    held.push(chunk.subarray(from));
    end += bytesRead;
  }
  if (lineStart === end) return rows;
  const text = Buffer.concat(held).toString('utf8');
  try {
    add(readRolloutLine(text, `${file}:${number}`).rollout);
    await handle.write('\n', end);
  } catch (error) {
    // Cut only what began as a rollout: somebody's other file, given by mistake, stays whole.
    if (!text.startsWith(LINE_START) && !LINE_START.startsWith(text)) throw error;
    await handle.truncate(lineStart);
  }
  return rows;
}
