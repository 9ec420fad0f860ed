import { quotedHead } from './quoted-head.ts';
import { taggedParser } from './tagged-calls.ts';
import type { ParsedCall, ToolCallParser } from './tool-call-parser.ts';
import { spelledArguments } from './typed-value.ts';

const MARK = '｜DSML｜';

/**
 * The grammar of DeepSeek V3.2: all calls in one `<｜DSML｜function_calls>`, and each parameter says
 * whether it is a string: `<｜DSML｜parameter name="a" string="false">1</｜DSML｜parameter>`.
 */
export const deepseekV32Parser: ToolCallParser = dsmlParser('deepseek_v3_2', 'function_calls');

/** The grammar of DeepSeek V4: that of V3.2 in `<｜DSML｜tool_calls>`. */
export const deepseekV4Parser: ToolCallParser = dsmlParser('deepseek_v4', 'tool_calls');

function dsmlParser(name: string, block: string): ToolCallParser {
  const open = `<${MARK}${block}>`;
  const close = `</${MARK}${block}>`;
  return taggedParser({
    name,
    wrapper: { open, close },
    call: { open: `<${MARK}invoke name=`, close: `</${MARK}invoke>` },
    parameter: { open: `<${MARK}parameter name=`, close: `</${MARK}parameter>` },
    readHead: quotedHead,
    renderCalls: (calls) =>
      calls.length === 0 ? '' : `${open}\n${calls.map(render).join('\n')}\n${close}`,
  });
}

function render({ name, argumentsText }: ParsedCall): string {
  const body = spelledArguments(argumentsText).map(
    ({ key, json, string }) =>
      `<${MARK}parameter name="${key}" string="${string !== undefined}">${string ?? json}</${MARK}parameter>`,
  );
  return `<${MARK}invoke name="${name}">\n${body.join('\n')}\n</${MARK}invoke>`;
}
