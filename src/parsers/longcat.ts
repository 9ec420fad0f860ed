import { callObject } from './json-call.ts';
import { markedObjectParser } from './marked-object.ts';
import type { ToolCallParser } from './tool-call-parser.ts';

const OPEN = '<longcat_tool_call>';
const CLOSE = '</longcat_tool_call>';

/**
 * The grammar of LongCat-Flash (Chat and Thinking): as Hermes', with tags of its own, calls side by
 * side as the model cards show them.
 */
export const longcatParser: ToolCallParser = markedObjectParser({
  name: 'longcat',
  openers: [OPEN],
  closer: CLOSE,
  thinking: [
    { open: '<longcat_think>', close: '</longcat_think>' },
    { open: '<think>', close: '</think>' },
  ],
  renderCalls: (calls) => calls.map((call) => `${OPEN}\n${callObject(call)}\n${CLOSE}`).join(''),
});
