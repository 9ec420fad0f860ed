import { gemmaParser } from './gemma-calls.ts';
import type { ToolCallParser } from './tool-call-parser.ts';

/** FunctionGemma: `<start_function_call>call:f{a:<escape>x<escape>,n:1}<end_function_call>`. */
export const functionGemmaParser: ToolCallParser = gemmaParser('functiongemma', 'none', {
  open: '<start_function_call>',
  close: '<end_function_call>',
  quote: '<escape>',
});
