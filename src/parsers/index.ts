export { type CallEnd, closeCall, noCall } from './close-call.ts';
export { deepseekV4Parser, deepseekV32Parser } from './deepseek-dsml.ts';
export { deepseekV3Parser, deepseekV31Parser } from './deepseek-v3.ts';
export { functionGemmaParser } from './functiongemma.ts';
export { gemma4Parser } from './gemma4.ts';
export { glm45Parser, glm47Parser } from './glm.ts';
export {
  type Block,
  type BlockGrammar,
  blockParser,
  type Reading,
} from './grammar.ts';
export { granite4Parser, graniteParser } from './granite.ts';
export { harmonyParser } from './harmony.ts';
export { hermesParser } from './hermes.ts';
export { internlmParser } from './internlm.ts';
export { type ArgumentsReading, argumentsJson, readArguments } from './json-call.ts';
export {
  type JsonScan,
  type MemberSpan,
  scanJson,
  skipJsonSpace,
  type TextSpan,
} from './json-scanner.ts';
export { kimiK2Parser } from './kimi-k2.ts';
export { llama3JsonParser } from './llama3-json.ts';
export { longcatParser } from './longcat.ts';
export { type MarkedObjectGrammar, markedObjectParser } from './marked-object.ts';
export { minimaxM2Parser } from './minimax-m2.ts';
export { mistralListParser, mistralParser } from './mistral.ts';
export { MODEL_GRAMMARS, type ModelGrammar } from './model-grammars.ts';
export { olmo3Parser } from './olmo3.ts';
export { pythonicParser } from './pythonic.ts';
export { qwen3CoderParser } from './qwen3-coder.ts';
export { BUILT_IN_PARSERS, createParserRegistry, type ParserRegistry } from './registry.ts';
export {
  type CompletionStream,
  MAX_DIAGNOSTICS,
  type ParsedCall,
  type ParsedCompletion,
  type ParseOptions,
  type ParserDiagnostic,
  type ThinkBlock,
  type ToolCallParser,
} from './tool-call-parser.ts';
