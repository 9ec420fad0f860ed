import { createReadStream } from 'node:fs';
import { type Rollout, readRolloutLine } from '../../contract/index.ts';
import { errorMessage, invalidInput } from '../../errors.ts';

/** One rollout of a file. */
export interface ReadRollout {
  /** The line as it stands in the file, without its break. */
  readonly line: string;
  readonly rollout: Rollout;
  /** Empty outside of a run. */
  readonly runId: string;
}

/** More without a line break is no rollout file. */
const MAX_LINE_CHARACTERS = 256 * 1024 * 1024;

/**
 * The rollouts of some files, one after another; memory holds one line and one chunk. Throws an
 * invalid_input that names the file and the line for one that is no rollout. Blank lines are skipped.
 */
export async function* readRollouts(
  files: readonly string[],
  options: { readonly signal: AbortSignal },
): AsyncGenerator<ReadRollout> {
  for (const file of files) {
    let number = 0;
    for await (const line of linesOf(file, options.signal)) {
      number += 1;
      if (line.trim() === '') continue;
      yield { line, ...readRolloutLine(line, `${file}:${number}`) };
    }
  }
}

/** Only a line feed ends a line: JSON may hold the other breaks of Unicode as they are. */
async function* linesOf(file: string, signal: AbortSignal): AsyncGenerator<string> {
  const stream = createReadStream(file, { encoding: 'utf8', highWaterMark: 256 * 1024, signal });
  let pending: string[] = [];
  let pendingLength = 0;
  try {
    for await (const chunk of stream as AsyncIterable<string>) {
      const [first = '', ...rest] = chunk.split('\n');
      pending.push(first);
      pendingLength += first.length;
      if (pendingLength > MAX_LINE_CHARACTERS) {
        throw invalidInput(
          file,
          'has no line break in 256 MiB; a rollout file has one per rollout.',
        );
      }
      const last = rest.pop();
      if (last === undefined) continue;
      yield withoutReturn(pending.join(''));
      for (const line of rest) yield withoutReturn(line);
      pending = [last];
      pendingLength = last.length;
    }
  } catch (error) {
    signal.throwIfAborted();
    const isOfFile = error instanceof Error && 'syscall' in error;
    if (!isOfFile) throw error;
    throw invalidInput(file, `can't be read: ${errorMessage(error)}.`, {
      remedy: 'Give a file that `lachesis process`, `evaluate` or `serve --rollouts` wrote.',
      cause: error,
    });
  }
  if (pendingLength > 0) yield withoutReturn(pending.join(''));
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}
