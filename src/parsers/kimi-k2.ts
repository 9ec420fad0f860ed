import type { ToolDefinition } from '../messages.ts';
import { argumentsJson } from './json-call.ts';
import { endsWithin, type Reading } from './reading.ts';
import { type CallHead, sectionedParser } from './sectioned-calls.ts';
import type { ParsedCall, ToolCallParser } from './tool-call-parser.ts';

const SECTION = '<|tool_calls_section_begin|>';
const SECTION_END = '<|tool_calls_section_end|>';
const OPEN = '<|tool_call_begin|>';
const ARGUMENTS = '<|tool_call_argument_begin|>';
const CLOSE = '<|tool_call_end|>';
const PREFIX = 'functions.';
const ID = /[^<]*/y;
const INDEX = /:\d+$/;

/**
 * The grammar of Kimi K2:
 * `<|tool_calls_section_begin|><|tool_call_begin|>functions.NAME:INDEX<|tool_call_argument_begin|>{...}<|tool_call_end|>...<|tool_calls_section_end|>`.
 * The model's own `functions.NAME:INDEX` is the call's id.
 */
export const kimiK2Parser: ToolCallParser = sectionedParser({
  name: 'kimi_k2',
  // The singular is the models' own slip; engines accept it too.
  sectionOpeners: [SECTION, '<|tool_call_section_begin|>'],
  sectionClosers: [SECTION_END, '<|tool_call_section_end|>'],
  opener: OPEN,
  closers: [CLOSE],
  readHead,
  renderCalls: (calls) =>
    calls.length === 0 ? '' : `${SECTION}${calls.map(renderCall).join('')}${SECTION_END}`,
  callId: ({ name }, index) => `${PREFIX}${name}:${index}`,
});

function readHead({ text, tools }: Reading, at: number): CallHead {
  ID.lastIndex = at;
  const spelled = ID.exec(text)?.[0] ?? '';
  const end = at + spelled.length;
  if (endsWithin(text, end, ARGUMENTS)) return { kind: 'incomplete' };
  const id = spelled.trim();
  const name = nameOf(id, tools);
  if (!text.startsWith(ARGUMENTS, end) || name === '') {
    return { kind: 'invalid', message: `no id with ${ARGUMENTS} follows` };
  }
  return { kind: 'head', name, id, end: end + ARGUMENTS.length };
}

/**
 * The tool that an id names. A name may have dots of its own, so it is the first of these that was
 * offered: all before the index, that without `functions.`, what follows the last dot; else the second.
 */
function nameOf(id: string, tools: ReadonlyMap<string, ToolDefinition>): string {
  const names = namesIn(id);
  return names.find((name) => tools.has(name)) ?? names[1];
}

function namesIn(id: string): readonly [whole: string, plain: string, last: string] {
  const whole = id.replace(INDEX, '');
  const plain = whole.startsWith(PREFIX) ? whole.slice(PREFIX.length) : whole;
  return [whole, plain, plain.slice(plain.lastIndexOf('.') + 1)];
}

function renderCall({ name, id, argumentsText }: ParsedCall, index: number): string {
  const isOwn = id !== undefined && namesIn(id).includes(name);
  const spelled = isOwn ? id : `${PREFIX}${name}:${index}`;
  return `${OPEN}${spelled}${ARGUMENTS}${argumentsJson(argumentsText)}${CLOSE}`;
}
