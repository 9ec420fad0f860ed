import { invalidInput } from '../errors.ts';
import { deepseekV4Parser, deepseekV32Parser } from './deepseek-dsml.ts';
import { deepseekV3Parser, deepseekV31Parser } from './deepseek-v3.ts';
import { functionGemmaParser } from './functiongemma.ts';
import { gemma4Parser } from './gemma4.ts';
import { glm45Parser, glm47Parser } from './glm.ts';
import { granite4Parser, graniteParser } from './granite.ts';
import { harmonyParser } from './harmony.ts';
import { hermesParser } from './hermes.ts';
import { internlmParser } from './internlm.ts';
import { kimiK2Parser } from './kimi-k2.ts';
import { llama3JsonParser } from './llama3-json.ts';
import { longcatParser } from './longcat.ts';
import { minimaxM2Parser } from './minimax-m2.ts';
import { mistralListParser, mistralParser } from './mistral.ts';
import { MODEL_GRAMMARS, type ModelGrammar } from './model-grammars.ts';
import { olmo3Parser } from './olmo3.ts';
import { pythonicParser } from './pythonic.ts';
import { qwen3CoderParser } from './qwen3-coder.ts';
import type { ToolCallParser } from './tool-call-parser.ts';

export interface ParserRegistry {
  /** Sorted; `auto` is not among them. */
  readonly names: readonly string[];
  /**
   * The parser of a name. `auto` is the one of `model`, by the model's name. Throws `invalid_input`
   * that lists the names there are, of `field`, by default `toolCallParser`.
   */
  get(name: string, model?: string, field?: string): ToolCallParser;
}

/** The built-in grammars under their names and aliases. */
export const BUILT_IN_PARSERS: Readonly<Record<string, ToolCallParser>> = Object.freeze({
  // Arguments are JSON.
  deepseek_v3: deepseekV3Parser,
  deepseek_v3_1: deepseekV31Parser,
  deepseek_v31: deepseekV31Parser,
  granite: graniteParser,
  granite4: granite4Parser,
  hermes: hermesParser,
  internlm: internlmParser,
  kimi_k2: kimiK2Parser,
  llama3_json: llama3JsonParser,
  llama4_json: llama3JsonParser,
  longcat: longcatParser,
  mistral: mistralParser,
  mistral_v3: mistralListParser,
  qwen: hermesParser,
  // Arguments are spelled one by one, or stand in a frame of their own.
  deepseek_v3_2: deepseekV32Parser,
  deepseek_v32: deepseekV32Parser,
  deepseek_v4: deepseekV4Parser,
  functiongemma: functionGemmaParser,
  gemma4: gemma4Parser,
  glm45: glm45Parser,
  glm47: glm47Parser,
  gpt_oss: harmonyParser,
  harmony: harmonyParser,
  llama4_pythonic: pythonicParser,
  mimo: qwen3CoderParser,
  minimax_m2: minimaxM2Parser,
  olmo3: olmo3Parser,
  pythonic: pythonicParser,
  qwen3_coder: qwen3CoderParser,
  qwen3_xml: qwen3CoderParser,
});

/**
 * A registry of the built-in grammars and of `more`, which win over built-in ones of the same name.
 * `auto` looks at `models` before the built-in table.
 */
export function createParserRegistry(
  more: Readonly<Record<string, ToolCallParser>> = {},
  models: readonly ModelGrammar[] = [],
): ParserRegistry {
  const parsers = new Map(Object.entries({ ...BUILT_IN_PARSERS, ...more }));
  const names = Object.freeze([...parsers.keys()].sort());
  const table = [...models, ...MODEL_GRAMMARS];
  return Object.freeze({
    names,
    get(name: string, model?: string, field = 'toolCallParser'): ToolCallParser {
      const remedy = `Give one of: ${names.join(', ')}.`;
      const unknown = (reason: string, message: string) =>
        invalidInput(field, message, { reason, remedy });
      const parser = parsers.get(name);
      if (parser !== undefined) return parser;
      if (name !== 'auto') throw unknown('UNKNOWN_PARSER', `there is no parser "${name}".`);
      if (model === undefined) {
        throw unknown('MODEL_NAME_MISSING', '"auto" needs the name of the model.');
      }
      const lower = model.toLowerCase();
      const [, chosen] = table.find(([pattern]) => lower.search(pattern) >= 0) ?? [];
      const found = chosen === undefined ? undefined : parsers.get(chosen);
      if (found !== undefined) return found;
      throw unknown('UNKNOWN_MODEL', `no grammar is known for the model "${model}".`);
    },
  });
}
