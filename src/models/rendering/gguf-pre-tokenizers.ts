/** How a byte-level vocabulary cuts a text into words before it merges bytes within them. */
export interface GgufPreTokenizer {
  /** Each cuts out what it finds, of what the one before left. */
  readonly patterns: readonly string[];
  /** A word that is a piece of the vocabulary is that piece, whatever the merges say. */
  readonly ignoresMerges: boolean;
}

/*
 * The names of `tokenizer.ggml.pre` with their patterns, as src/llama-vocab.cpp of ggml-org/llama.cpp has
 * them at 00ad355e009e83abf98f96a6ded7193b95763681. Where it has another pattern than the model's own
 * tokenizer.json, which it quotes beside it, the model's own stands here: its ids are those it learned.
 */
const CONTRACTIONS = "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])";
const SPACES = String.raw`\s*[\r\n]+|\s+(?!\S)|\s+`;

const GPT2 = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)`;
const LLAMA3 = String.raw`${CONTRACTIONS}|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|${SPACES}`;
const QWEN2 = String.raw`${CONTRACTIONS}|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|${SPACES}`;
const QWEN35 = String.raw`${CONTRACTIONS}|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|${SPACES}`;
const DEEPSEEK3 = [
  String.raw`\p{N}{1,3}`,
  '[一-龥぀-ゟ゠-ヿ]+',
  String.raw`[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_${'`'}{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|${SPACES}`,
];
/** Words with their capitals first, as tekken and o200k split them. */
const UPPER = String.raw`[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`;
const LOWER = String.raw`[\p{Ll}\p{Lm}\p{Lo}\p{M}]`;
const casedWords = (ending: string): string =>
  [
    String.raw`[^\r\n\p{L}\p{N}]?${UPPER}*${LOWER}+${ending}`,
    String.raw`[^\r\n\p{L}\p{N}]?${UPPER}+${LOWER}*${ending}`,
  ].join('|');
const TEKKEN = String.raw`${casedWords('')}|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|${SPACES}`;
const GPT4O = String.raw`${casedWords(`${CONTRACTIONS}?`)}|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|${SPACES}`;

const GROUPS: readonly (readonly [names: string, GgufPreTokenizer])[] = [
  [
    'llama3 llama-v3 llama-bpe falcon3 falcon-h1 pixtral midm-2.0 lfm2',
    { patterns: [LLAMA3], ignoresMerges: true },
  ],
  ['glm4 chatglm-bpe dbrx smaug-bpe', { patterns: [LLAMA3], ignoresMerges: false }],
  [
    'qwen2 deepseek-r1-qwen kormo megrez stablelm2 hunyuan solar-open grok-2',
    { patterns: [QWEN2], ignoresMerges: false },
  ],
  ['qwen35', { patterns: [QWEN35], ignoresMerges: false }],
  ['deepseek-v3 hunyuan-dense hy_v4 joyai-llm', { patterns: DEEPSEEK3, ignoresMerges: false }],
  [
    'smollm starcoder refact command-r codeshell exaone minerva-7b mellum2',
    { patterns: [String.raw`\p{N}`, GPT2], ignoresMerges: false },
  ],
  [
    'gpt-2 phi-2 gigachat a.x-4.0 mellum exaone4 mpt olmo jais trillion granite-docling',
    { patterns: [GPT2], ignoresMerges: false },
  ],
  ['tekken', { patterns: [TEKKEN], ignoresMerges: true }],
  ['gpt-4o', { patterns: [GPT4O], ignoresMerges: true }],
];

/** By their names in `tokenizer.ggml.pre`. */
export const GGUF_PRE_TOKENIZERS: ReadonlyMap<string, GgufPreTokenizer> = new Map(
  GROUPS.flatMap(([names, pre]) => names.split(' ').map((name) => [name, pre] as const)),
);
