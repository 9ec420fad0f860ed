import { callObject } from './json-call.ts';
import { markedObjectParser } from './marked-object.ts';
import type { ToolCallParser } from './tool-call-parser.ts';

const OPEN = '<|action_start|><|plugin|>';
/** The two are tokens of their own; some detokenizers put a space between them. */
const SPACED = '<|action_start|> <|plugin|>';
const CLOSE = '<|action_end|>';

/**
 * The grammar of InternLM 2.5, 3 and Intern-S1:
 * `<|action_start|><|plugin|>\n{"name": ..., "parameters": {...}}<|action_end|>`.
 */
export const internlmParser: ToolCallParser = markedObjectParser({
  name: 'internlm',
  openers: [OPEN, SPACED],
  closer: CLOSE,
  renderCalls: (calls) =>
    calls.map((call) => `${OPEN}\n${callObject(call, 'parameters')}${CLOSE}`).join('\n'),
});
