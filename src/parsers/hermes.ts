import { callObject } from './json-call.ts';
import { markedObjectParser } from './marked-object.ts';
import type { ParsedCall, ToolCallParser } from './tool-call-parser.ts';

const OPEN = '<tool_call>';
const CLOSE = '</tool_call>';

/**
 * The grammar of the Hermes and Qwen models:
 * `<tool_call>\n{"name": ..., "arguments": {...}}\n</tool_call>`, repeatable.
 */
export const hermesParser: ToolCallParser = markedObjectParser({
  name: 'hermes',
  openers: [OPEN],
  closer: CLOSE,
  renderCalls: hermesCalls,
});

/** Calls as Hermes writes them. */
export function hermesCalls(calls: readonly ParsedCall[]): string {
  return calls.map((call) => `${OPEN}\n${callObject(call)}\n${CLOSE}`).join('\n');
}
