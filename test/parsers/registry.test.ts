import { describe, expect, it } from 'vitest';
import {
  BUILT_IN_PARSERS,
  createParserRegistry,
  hermesParser,
  MODEL_GRAMMARS,
} from '../../src/parsers/index.ts';

const registry = createParserRegistry();

describe('the registry', () => {
  it('knows its names and says them when asked for another', () => {
    const mine = createParserRegistry({ mine: hermesParser });
    expect(mine.names).toEqual([...Object.keys(BUILT_IN_PARSERS), 'mine'].sort());
    expect(mine.get('mine')).toBe(hermesParser);
    expect(mine.get('qwen')).toBe(hermesParser);
    expect(() => mine.get('nope')).toThrow(`Give one of: ${mine.names.join(', ')}.`);
    expect(() => mine.get('nope')).toThrow('there is no parser "nope".');
  });

  it('lets a user replace a grammar', () => {
    expect(createParserRegistry({ mistral: hermesParser }).get('mistral')).toBe(hermesParser);
  });

  it.each([
    ...['deepseek_v3', 'deepseek_v3_1', 'deepseek_v31', 'glm45', 'glm47', 'hermes', 'kimi_k2'],
    ...['llama3_json', 'llama4_json', 'longcat', 'mistral', 'qwen', 'qwen3_coder'],
  ])('has the name %s of hermes-agent', (name) =>
    expect(registry.get(name)).toBe(BUILT_IN_PARSERS[name]),
  );

  it('has one parser of a name, and its other names are aliases', () => {
    for (const parser of new Set(Object.values(BUILT_IN_PARSERS))) {
      expect(BUILT_IN_PARSERS[parser.name]).toBe(parser);
    }
  });
});

describe('auto', () => {
  const named = (model: string) =>
    MODEL_GRAMMARS.find(([pattern]) => pattern.test(model.toLowerCase()))?.[1];

  it.each([
    ['NousResearch/Hermes-3-Llama-3.1-8B', 'hermes'],
    ['NousResearch/Hermes-2-Pro-Mistral-7B', 'hermes'],
    ['Qwen/Qwen2.5-7B-Instruct', 'hermes'],
    ['Qwen/Qwen3-8B', 'hermes'],
    ['Qwen/Qwen3-Next-80B-A3B-Instruct', 'hermes'],
    ['qwen2.5-0.5b-instruct-q4_k_m.gguf', 'hermes'],
    ['Qwen/QwQ-32B', 'hermes'],
    ['Qwen/Qwen3-Coder-30B-A3B-Instruct', 'qwen3_coder'],
    ['Qwen/Qwen3.5-35B-A3B', 'qwen3_coder'],
    ['meta-llama/Llama-3.1-8B-Instruct', 'llama3_json'],
    ['meta-llama/Llama-3.3-70B-Instruct', 'llama3_json'],
    ['llama3.2:1b', 'llama3_json'],
    ['meta-llama/Llama-4-Scout-17B-16E-Instruct', 'llama4_json'],
    ['mistralai/Mistral-7B-Instruct-v0.3', 'mistral_v3'],
    ['mistralai/Mistral-Small-24B-Instruct-2501', 'mistral_v3'],
    ['mistralai/Mistral-Small-3.1-24B-Instruct-2503', 'mistral_v3'],
    ['mistralai/Ministral-8B-Instruct-2410', 'mistral_v3'],
    ['mistralai/Mistral-Large-Instruct-2411', 'mistral_v3'],
    ['mistralai/Mistral-Small-3.2-24B-Instruct-2506', 'mistral'],
    ['mistralai/Ministral-3-8B-Instruct-2512', 'mistral'],
    ['mistralai/Devstral-Small-2507', 'mistral'],
    ['mistralai/Magistral-Small-2509', 'mistral'],
    ['deepseek-ai/DeepSeek-V3-0324', 'deepseek_v3'],
    ['deepseek-ai/DeepSeek-R1-0528', 'deepseek_v3'],
    ['deepseek-ai/DeepSeek-V3.1', 'deepseek_v3_1'],
    ['deepseek-ai/DeepSeek-V3.2-Exp', 'deepseek_v3_1'],
    ['deepseek-ai/DeepSeek-V3.2', 'deepseek_v32'],
    ['moonshotai/Kimi-K2-Instruct-0905', 'kimi_k2'],
    ['zai-org/GLM-4.5-Air', 'glm45'],
    ['zai-org/GLM-4.6', 'glm45'],
    ['zai-org/GLM-4.7-Flash', 'glm47'],
    ['openai/gpt-oss-20b', 'harmony'],
    ['MiniMaxAI/MiniMax-M2', 'minimax_m2'],
    ['ibm-granite/granite-3.3-8b-instruct', 'granite'],
    ['ibm-granite/granite-4.0-h-small', 'granite4'],
    ['google/gemma-4-31B-it', 'gemma4'],
    ['google/functiongemma-270m-it', 'functiongemma'],
    ['allenai/Olmo-3-7B-Instruct', 'olmo3'],
    ['meituan-longcat/LongCat-Flash-Chat', 'longcat'],
    ['internlm/internlm2_5-7b-chat', 'internlm'],
    ['internlm/Intern-S1', 'internlm'],
  ])('%s writes %s', (model, name) => {
    expect(named(model)).toBe(name);
    expect(registry.get('auto', model)).toBe(BUILT_IN_PARSERS[name]);
  });

  it.each([
    ...['gpt2', 'HuggingFaceTB/SmolLM2-135M-Instruct', 'google/gemma-3-4b-it'],
    ...['meta-llama/Meta-Llama-3-8B-Instruct', 'Qwen/Qwen1.5-7B-Chat', 'Qwen/Qwen2.7-X'],
    ...['mistralai/Mistral-7B-Instruct-v0.1', 'meituan-longcat/LongCat-Flash-Thinking-2601'],
    ...['nvidia/Llama-3_3-Nemotron-Super-49B-v1_5', 'deepseek-ai/DeepSeek-R1-Distill-Llama-8B'],
  ])('does not guess for %s', (model) => {
    const error = `no grammar is known for the model "${model}".`;
    expect(() => registry.get('auto', model)).toThrow(error);
    expect(() => registry.get('auto', model)).toThrow('Give one of: deepseek_v3');
  });

  it('asks for the name of the model', () => {
    expect(() => registry.get('auto')).toThrow('"auto" needs the name of the model.');
  });

  it('names grammars that there are', () => {
    for (const [, name] of MODEL_GRAMMARS) {
      if (name !== undefined) expect(registry.names).toContain(name);
    }
  });

  it('looks at a user’s table first', () => {
    const own = createParserRegistry({ mine: hermesParser }, [[/^llama-3\.1-mine$/, 'mine']]);
    expect(own.get('auto', 'Llama-3.1-Mine')).toBe(hermesParser);
    expect(own.get('auto', 'Llama-3.1-8B').name).toBe('llama3_json');
  });
});
