import { quotedHead } from './quoted-head.ts';
import { taggedParser } from './tagged-calls.ts';
import type { ParsedCall, ToolCallParser } from './tool-call-parser.ts';
import { spelledArguments } from './typed-value.ts';

const OPEN = '<minimax:tool_call>';
const CLOSE = '</minimax:tool_call>';

/**
 * The grammar of MiniMax M2: all calls in one block,
 * `<invoke name="f">\n<parameter name="a">1</parameter>\n</invoke>` each.
 */
export const minimaxM2Parser: ToolCallParser = taggedParser({
  name: 'minimax_m2',
  wrapper: { open: OPEN, close: CLOSE },
  call: { open: '<invoke name=', close: '</invoke>' },
  parameter: { open: '<parameter name=', close: '</parameter>' },
  readHead: quotedHead,
  renderCalls: (calls) =>
    calls.length === 0 ? '' : `${OPEN}\n${calls.map(render).join('')}${CLOSE}`,
});

function render({ name, argumentsText }: ParsedCall): string {
  const body = spelledArguments(argumentsText).map(
    ({ key, json, string }) => `<parameter name="${key}">${string ?? json}</parameter>\n`,
  );
  return `<invoke name="${name}">\n${body.join('')}</invoke>\n`;
}
