import type { ToolCallParser } from '../../../src/parsers/index.ts';

/** What a stream tells of a text that comes in pieces of such sizes, and what it says at the end. */
export function streamed(
  parser: ToolCallParser,
  whole: string,
  sizes: readonly number[],
  finishReason = 'stop',
) {
  const stream = parser.stream({ tools: [] });
  let told = '';
  for (let at = 0, i = 0; at < whole.length; i++) {
    const size = sizes[i % sizes.length]!;
    told += stream.push(whole.slice(at, at + size));
    at += size;
  }
  const { rest, completion } = stream.end(finishReason);
  return { told: told + rest, completion };
}
