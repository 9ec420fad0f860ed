import type { Block, BlockGrammar } from './block-grammar.ts';
import { noCall } from './close-call.ts';
import type { Reading } from './reading.ts';

/**
 * The block that a grammar reads at `start`, whatever its `read` does: it moves on, stays in the text
 * and throws nothing. Where `read` fails, the rest of the text is content; a stream waits for more.
 */
export function readBlock(
  grammar: BlockGrammar,
  reading: Reading,
  start: number,
  opener: string,
): Block {
  const failed = (message: string): Block =>
    noCall('malformed', `the grammar "${grammar.name}" ${message}`, reading.text.length);
  try {
    const { end, calls, callsEnd = end, problems = [] } = grammar.read(reading, start, opener);
    if (!(end > start)) return failed(`gave ${String(end)} as the end of a block at ${start}`);
    if (!calls.every(isCall)) return failed('gave a call whose name or arguments are no string');
    const last = Math.min(Math.ceil(end), reading.text.length);
    const lastCall = callsEnd > start ? Math.min(Math.ceil(callsEnd), last) : last;
    return {
      end: last,
      calls,
      callsEnd: lastCall,
      problems: problems.map(({ kind, message }) => ({ kind, message })),
    };
  } catch (thrown) {
    return failed(`failed: ${textOf(thrown)}`);
  }
}

function isCall({ name, argumentsText }: Block['calls'][number]): boolean {
  return typeof name === 'string' && typeof argumentsText === 'string';
}

function textOf(thrown: unknown): string {
  try {
    return String(thrown instanceof Error ? thrown.message : thrown);
  } catch {
    return 'with what is no error';
  }
}
