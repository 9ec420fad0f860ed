import { invalidInput } from '../../errors.ts';
import {
  isJsonObject,
  type JsonObject,
  type JsonValue,
  type ToolDefinition,
} from '../../messages.ts';
import {
  encodePieces,
  renderChatml,
  type TemplateMessage,
  type Tokenizer,
} from '../../policy/index.ts';
import { fieldsOf } from './fields.ts';

/** The prompt ids of a chat request: the policy's own template over its messages. */
export function chatPrompt(body: JsonObject, tokenizer: Tokenizer): Int32Array {
  const list = fieldsOf(body).list('messages');
  if (list === undefined || list.length === 0) {
    throw invalidInput('messages', 'is missing or empty.');
  }
  const messages = list.map((item, i) => templateMessage(item, `messages[${i}]`));
  const addGenerationPrompt = body['add_generation_prompt'] !== false;
  const tools = readTools(body);
  // The shipped checkpoint never saw a list of tools, so one is rendered only when asked for.
  const withTools = fieldsOf(body).object('chat_template_kwargs')?.['tools_in_prompt'] === true;
  return encodePieces(
    tokenizer,
    renderChatml(messages, { addGenerationPrompt, ...(withTools ? { tools } : {}) }),
  );
}

/** The tools on offer; empty for none. */
export function readTools(body: JsonObject): readonly ToolDefinition[] {
  return (fieldsOf(body).list('tools') ?? []).map((item, i) => {
    const path = `tools[${i}]`;
    const tool = isJsonObject(item) ? fieldsOf(item, path).object('function') : undefined;
    const name = tool === undefined ? undefined : fieldsOf(tool, `${path}.function`).text('name');
    if (tool === undefined || name === undefined) {
      throw invalidInput(path, 'is no {"type": "function", "function": {"name": ...}}.');
    }
    return {
      name,
      description: fieldsOf(tool, `${path}.function`).text('description') ?? '',
      parameters: fieldsOf(tool, `${path}.function`).object('parameters') ?? {},
    };
  });
}

function templateMessage(item: JsonValue, path: string): TemplateMessage {
  if (!isJsonObject(item)) throw invalidInput(path, 'is no object.');
  const fields = fieldsOf(item, path);
  const role = fields.text('role');
  if (role !== 'system' && role !== 'user' && role !== 'assistant' && role !== 'tool') {
    throw invalidInput(
      `${path}.role`,
      `is ${JSON.stringify(role)}; give system, user, assistant or tool.`,
    );
  }
  const reasoning = fields.text('reasoning') ?? fields.text('reasoning_content');
  return {
    role,
    content: textContent(item['content'], `${path}.content`),
    ...(reasoning === undefined ? {} : { reasoning }),
    toolCalls: (fields.list('tool_calls') ?? []).map((call, i) => {
      const at = `${path}.tool_calls[${i}]`;
      const target = isJsonObject(call) ? fieldsOf(call, at).object('function') : undefined;
      const name = target && fieldsOf(target, `${at}.function`).text('name');
      if (target === undefined || name === undefined) {
        throw invalidInput(at, 'is no {"function": {"name": ..., "arguments": ...}}.');
      }
      return { name, argumentsText: fieldsOf(target, `${at}.function`).text('arguments') ?? '{}' };
    }),
  };
}

function textContent(content: JsonValue | undefined, path: string): string {
  if (content === undefined || content === null) return '';
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) throw invalidInput(path, 'is neither text nor a list of parts.');
  return content
    .map((part: JsonValue, i) => {
      const text = isJsonObject(part) && part['type'] === 'text' ? part['text'] : undefined;
      if (typeof text === 'string') return text;
      throw invalidInput(`${path}[${i}]`, 'is no text part; this model reads text only.');
    })
    .join('');
}
