import { gemmaParser } from './gemma-calls.ts';
import type { ToolCallParser } from './tool-call-parser.ts';

/** The grammar of Gemma 4: `<|tool_call>call:f{a:<|"|>x<|"|>,n:1}<tool_call|>`, a block a call. */
export const gemma4Parser: ToolCallParser = gemmaParser(
  'gemma4',
  { open: '<|channel>thought', close: '<channel|>' },
  { open: '<|tool_call>', close: '<tool_call|>', quote: '<|"|>' },
);
