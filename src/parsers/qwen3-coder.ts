import { taggedParser } from './tagged-calls.ts';
import type { ParsedCall, ToolCallParser } from './tool-call-parser.ts';
import { spelledArguments } from './typed-value.ts';

/**
 * The grammar of Qwen3-Coder, Qwen3.5 and MiMo:
 * `<tool_call>\n<function=f>\n<parameter=a>\n1\n</parameter>\n</function>\n</tool_call>`, a wrapper a
 * call. The wrapper, or one of its tags, may be missing.
 */
export const qwen3CoderParser: ToolCallParser = taggedParser({
  name: 'qwen3_coder',
  wrapper: { open: '<tool_call>', close: '</tool_call>' },
  isWrapperOptional: true,
  call: { open: '<function=', close: '</function>' },
  parameter: { open: '<parameter=', close: '</parameter>' },
  readHead: (name) => ({ name }),
  hasNewlines: true,
  renderCalls: (calls) => calls.map(render).join('\n'),
});

function render({ name, argumentsText }: ParsedCall): string {
  const body = spelledArguments(argumentsText).map(
    ({ key, json, string }) => `<parameter=${key}>\n${string ?? json}\n</parameter>\n`,
  );
  return `<tool_call>\n<function=${name}>\n${body.join('')}</function>\n</tool_call>`;
}
