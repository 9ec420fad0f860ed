// MB/s of each grammar of tool calls, on what models write and on 1 MB of what they had better not: the
// worst of several hostile texts, cut from the grammar's own markers. Linear means a ratio that stays
// small; quadratic work on 1 MB would make it thousands.
import { BUILT_IN_PARSERS, type ToolCallParser } from '../src/parsers/index.ts';
import { medianMs, report, round } from './support/report.ts';

const ROUNDS = 9;
const MEGABYTE = 1_000_000;
const CALLS = [
  { name: 'search_files', argumentsText: '{"pattern": "TODO", "path": "src", "limit": 50}' },
  {
    name: 'write_file',
    argumentsText: JSON.stringify({ path: 'notes.md', text: 'A line of text.\n'.repeat(20) }),
  },
];
const PROSE = 'The tests fail because the file is read before it is written. '.repeat(12);
const OPTIONS = { tools: [], finishReason: 'stop' };

/** Completions of calls alone and of words alone, for some grammars read no call behind words. */
function transcript(parser: ToolCallParser): string[] {
  const pair = [`<think>${PROSE}</think>${parser.renderCalls(CALLS)}`, PROSE];
  const count = Math.ceil(MEGABYTE / (pair.join('').length / 2));
  return Array.from({ length: count }, (_, i) => pair[i % 2] as string);
}

function hostileTexts(parser: ToolCallParser): string[] {
  const one = parser.renderCalls(CALLS.slice(0, 1));
  const cuts = [1, 2, 3].map((quarter) => one.slice(0, (one.length * quarter) >> 2));
  const markers = one.split(/(?<=[>\]}\n])|(?=[<[{"])/).filter((marker) => marker !== '');
  const units = [...markers, ...cuts, one.slice(0, -1), '{', '[', '"', '\\', '<think>'];
  const repeated = (unit: string) => unit.repeat(Math.ceil(MEGABYTE / unit.length));
  return units.flatMap((unit) => [repeated(unit), one.slice(0, one.length >> 1) + repeated(unit)]);
}

/** MB/s: the units of UTF-16 are counted as bytes. */
const speed = (length: number, ms: number): number => round(length / MEGABYTE / (ms / 1_000), 1);

const grammars = [...new Set(Object.values(BUILT_IN_PARSERS))].map((parser) => {
  const completions = transcript(parser);
  const length = completions.reduce((sum, text) => sum + text.length, 0);
  const normal = speed(
    length,
    medianMs(ROUNDS, () => {
      for (const text of completions) parser.parse(text, OPTIONS);
    }),
  );
  const hostile = Math.min(
    ...hostileTexts(parser).map((text) =>
      speed(
        text.length,
        medianMs(3, () => parser.parse(text, OPTIONS)),
      ),
    ),
  );
  const streamed = speed(
    length,
    medianMs(3, () => {
      for (const text of completions) {
        const stream = parser.stream({ tools: [] });
        for (let at = 0; at < text.length; at += 4) stream.push(text.slice(at, at + 4));
        stream.end('stop');
      }
    }),
  );
  const { name } = parser;
  return {
    grammar: name,
    megabytesPerSecond: normal,
    hostileMegabytesPerSecond: hostile,
    normalOverHostile: round(normal / hostile, 1),
    streamedMegabytesPerSecond: streamed,
  };
});

report('parsers', { hostileBytes: MEGABYTE, streamedPieceLength: 4, grammars });
