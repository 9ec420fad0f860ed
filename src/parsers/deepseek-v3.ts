import { argumentsJson } from './json-call.ts';
import { skipJsonSpace } from './json-scanner.ts';
import { endsWithin, type Reading } from './reading.ts';
import { type CallHead, type SectionedGrammar, sectionedParser } from './sectioned-calls.ts';
import type { ParsedCall, ToolCallParser } from './tool-call-parser.ts';

const SECTION = '<｜tool▁calls▁begin｜>';
const SECTION_END = '<｜tool▁calls▁end｜>';
const OPEN = '<｜tool▁call▁begin｜>';
const SEPARATOR = '<｜tool▁sep｜>';
const CLOSE = '<｜tool▁call▁end｜>';
const FENCE = '```';
const LANGUAGE = 'json';
const WORD = /[^<\n`{]*/y;

const DEEPSEEK: Pick<SectionedGrammar, 'sectionOpeners' | 'sectionClosers' | 'opener'> = {
  sectionOpeners: [SECTION],
  sectionClosers: [SECTION_END],
  opener: OPEN,
};

/**
 * The grammar of DeepSeek-V3 (0324) and R1-0528: the calls of a section, each
 * `<｜tool▁call▁begin｜>function<｜tool▁sep｜>NAME`, a new line, its arguments in a json fence, and an end.
 */
export const deepseekV3Parser: ToolCallParser = sectionedParser({
  ...DEEPSEEK,
  name: 'deepseek_v3',
  closers: [FENCE, CLOSE],
  readHead(reading, at) {
    const kind = readWord(reading, at);
    if (kind.kind !== 'head') return kind;
    const name = readName(reading, kind.end);
    if (name.kind !== 'head') return name;
    return readFence(reading, name);
  },
  renderCalls: (calls) =>
    inSection(
      calls.map(
        ({ name, argumentsText }) =>
          `${OPEN}function${SEPARATOR}${name}\n${FENCE}${LANGUAGE}\n${argumentsJson(argumentsText)}\n${FENCE}${CLOSE}`,
      ),
      '\n',
    ),
});

/** The grammar of DeepSeek-V3.1: `<｜tool▁call▁begin｜>NAME<｜tool▁sep｜>{...}<｜tool▁call▁end｜>`. */
export const deepseekV31Parser: ToolCallParser = sectionedParser({
  ...DEEPSEEK,
  name: 'deepseek_v3_1',
  closers: [CLOSE],
  readHead: readWord,
  renderCalls: (calls) => inSection(calls.map(renderV31), ''),
});

function renderV31({ name, argumentsText }: ParsedCall): string {
  return `${OPEN}${name}${SEPARATOR}${argumentsJson(argumentsText)}${CLOSE}`;
}

function inSection(calls: readonly string[], between: string): string {
  return calls.length === 0 ? '' : `${SECTION}${calls.join(between)}${SECTION_END}`;
}

/** A word and the separator behind it; `end` is behind that. */
function readWord(reading: Reading, at: number): CallHead {
  const { text } = reading;
  const word = readName(reading, at);
  if (word.kind !== 'head') return word;
  if (endsWithin(text, word.end, SEPARATOR)) return { kind: 'incomplete' };
  if (!text.startsWith(SEPARATOR, word.end)) {
    return { kind: 'invalid', message: `no ${SEPARATOR} follows the name` };
  }
  return { ...word, end: word.end + SEPARATOR.length };
}

function readName({ text }: Reading, at: number): CallHead {
  WORD.lastIndex = at;
  const word = WORD.exec(text)?.[0] ?? '';
  const name = word.trim();
  const end = at + word.length;
  if (end >= text.length) return { kind: 'incomplete' };
  return name === ''
    ? { kind: 'invalid', message: 'no name follows the marker' }
    : { kind: 'head', name, end };
}

/** Passes over the opening of the fence. */
function readFence({ text }: Reading, head: CallHead & { readonly kind: 'head' }): CallHead {
  const at = skipJsonSpace(text, head.end);
  if (endsWithin(text, at, FENCE + LANGUAGE)) return { kind: 'incomplete' };
  if (!text.startsWith(FENCE, at)) return { kind: 'invalid', message: 'no fence follows the name' };
  const inside = at + FENCE.length;
  const end = text.startsWith(LANGUAGE, inside) ? inside + LANGUAGE.length : inside;
  return { ...head, end };
}
