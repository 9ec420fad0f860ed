import type { Block, BlockGrammar } from './block-grammar.ts';
import { readCallList } from './call-list.ts';
import { blockParser } from './grammar.ts';
import { hermesCalls } from './hermes.ts';
import { callObject } from './json-call.ts';
import { skipJsonSpace } from './json-scanner.ts';
import { readMarkedObject } from './marked-object.ts';
import type { Reading } from './reading.ts';
import type { ToolCallParser } from './tool-call-parser.ts';

const OPEN = '<|tool_call|>';
/** Granite 3.1 spells it so, and Granite 4 has objects between it and `</tool_call>`. */
const TAG = '<tool_call>';
const CLOSE = '</tool_call>';
const OPENERS = [OPEN, TAG];

/** What both spellings share: each parser reads both, and renders its own. */
const GRANITE: Pick<BlockGrammar, 'openers' | 'read'> = {
  openers: OPENERS,
  read(reading, start, opener) {
    const body = start + opener.length;
    const at = skipJsonSpace(reading.text, body);
    return reading.text[at] === '['
      ? withCloser(reading, readCallList(reading, at, OPENERS))
      : readMarkedObject(reading, body, OPENERS, CLOSE);
  },
};

/** The grammar of Granite 3: `<|tool_call|>[{"name": ..., "arguments": {...}}, ...]`. */
export const graniteParser: ToolCallParser = blockParser({
  ...GRANITE,
  name: 'granite',
  renderCalls: (calls) =>
    calls.length === 0 ? '' : `${OPEN}[${calls.map((call) => callObject(call)).join(', ')}]`,
});

/** The grammar of Granite 4, which writes as Hermes does; lists are read too. */
export const granite4Parser: ToolCallParser = blockParser({
  ...GRANITE,
  name: 'granite4',
  renderCalls: hermesCalls,
});

/** A list closes itself; a tag that closes it again belongs to it. */
function withCloser({ text }: Reading, block: Block): Block {
  const after = skipJsonSpace(text, block.end);
  return text.startsWith(CLOSE, after) ? { ...block, end: after + CLOSE.length } : block;
}
