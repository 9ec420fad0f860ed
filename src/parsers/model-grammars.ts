/** Which grammar a model writes, by its name in lower case: the first pattern that matches. */
export type ModelGrammar = readonly [pattern: RegExp, parser: string | undefined];

/**
 * From vLLM's docs/features/tool_calling.md at 0064cc9cb1ae57b1308015d48a57462fa27a68f2 and SGLang's
 * docs/advanced_features/tool_parser.md, with the model's own chat template in mind: where an engine
 * ships a template of its own for another grammar (Llama 4 pythonic), the model's is meant. Mistral's
 * two spellings are by tokenizer version in mistral-common. Undefined: it writes another grammar.
 */
export const MODEL_GRAMMARS: readonly ModelGrammar[] = [
  // Tuned from other families' weights, and named after both.
  [/hermes-?[2-9]|hermes-2-(pro|theta)/, 'hermes'],
  [/nemotron-?3[.-]/, 'qwen3_coder'],
  [/nemotron|xlam|toolace/, undefined],
  [/deepseek-r1-distill/, undefined],

  [/deepseek-v4/, 'deepseek_v4'],
  [/deepseek-v3\.2-exp/, 'deepseek_v3_1'],
  [/deepseek-v3\.2/, 'deepseek_v32'],
  [/deepseek-v3\.1/, 'deepseek_v3_1'],
  [/deepseek-v3|deepseek-r1-0528/, 'deepseek_v3'],

  [/qwen-?3-?coder|qwen-?3\.[56]/, 'qwen3_coder'],
  [/qwen-?(2|2\.5|3)(?![\d.])|qwq/, 'hermes'],
  [/smollm3/, 'hermes'],

  [/llama-?4/, 'llama4_json'],
  [/llama-?3[._-][123]/, 'llama3_json'],

  [/(mistral-7b-instruct-v0\.3|mixtral-8x22b|mistral-nemo|pixtral)/, 'mistral_v3'],
  [/(mistral-large|mistral-small|ministral-8b)(-[a-z0-9.]+)*-(24\d\d|25(01|03))/, 'mistral_v3'],
  [/mistral-7b|mixtral/, undefined],
  [/mistral|ministral|devstral|magistral|voxtral/, 'mistral'],

  [/kimi-k2/, 'kimi_k2'],
  [/glm-?(4\.7|5)/, 'glm47'],
  [/glm-?4\.[56]/, 'glm45'],
  [/gpt-oss/, 'harmony'],
  [/minimax-m2/, 'minimax_m2'],
  [/granite-?4/, 'granite4'],
  [/granite-?3/, 'granite'],
  [/functiongemma/, 'functiongemma'],
  [/gemma-?4/, 'gemma4'],
  [/olmo-?3/, 'olmo3'],
  // Later LongCat models spell arguments one by one.
  [/longcat-flash-(chat|thinking)(?!-2\d\d\d)/, 'longcat'],
  [/internlm-?(2[._]5|3)|intern-s1/, 'internlm'],
];
