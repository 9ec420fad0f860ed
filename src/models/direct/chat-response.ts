import {
  type AssistantMessage,
  isJsonObject,
  type JsonObject,
  type ToolCall,
  textContent,
} from '../../messages.ts';
import { modelError, unreachable } from '../model-errors.ts';
import type { Completion } from '../model-server.ts';

/** The ids of a session's tool calls so far. */
export type CallIds = Set<string>;

/**
 * Reads an answer of `POST /chat/completions`, trusting no type in it: arguments that are an object
 * become their JSON text, null becomes empty, call ids that are missing or already used in the
 * session are replaced. No choices, or none with a message, is an empty completion with finish reason `empty`.
 * @throws model_error when it is no answer at all; the server's own error when it holds one.
 */
export function readChatResponse(body: unknown, ids: CallIds): Completion {
  if (!isJsonObject(body)) {
    throw modelError(`The model server answered with ${describe(body)} in place of a completion.`, {
      reason: 'BAD_MODEL_RESPONSE',
      remedy: 'Check that the base URL is that of an OpenAI-compatible API (often ending in /v1).',
    });
  }
  const choice = Array.isArray(body['choices']) ? body['choices'][0] : undefined;
  if (choice === undefined && isJsonObject(body['error'])) throw errorInBody(body['error']);
  const reply =
    isJsonObject(choice) && isJsonObject(choice['message']) ? choice['message'] : undefined;
  const reason = isJsonObject(choice) ? choice['finish_reason'] : undefined;
  return {
    message: reply === undefined ? emptyMessage : readMessage(reply, ids),
    finishReason: reply === undefined ? 'empty' : typeof reason === 'string' ? reason : 'unknown',
    ...readUsage(body['usage']),
  };
}

const emptyMessage: AssistantMessage = Object.freeze({
  role: 'assistant',
  content: [],
  toolCalls: [],
});

function readMessage(reply: JsonObject, ids: CallIds): AssistantMessage {
  const reasoning = readReasoning(reply);
  const text = readText(reply['content']);
  const content = textContent(text === '' ? readText(reply['refusal']) : text);
  const toolCalls = readToolCalls(reply, ids);
  return { role: 'assistant', content, ...(reasoning !== '' && { reasoning }), toolCalls };
}

/** A string, or the text parts of a list. */
function readText(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content
    .map((part) => (typeof part === 'string' ? part : isJsonObject(part) ? part['text'] : ''))
    .filter((text) => typeof text === 'string')
    .join('');
}

/** The three spellings in use; the first that says something counts. */
function readReasoning(reply: JsonObject): string {
  for (const field of ['reasoning_content', 'reasoning']) {
    const text = reply[field];
    if (typeof text === 'string' && text !== '') return text;
  }
  const details = reply['reasoning_details'];
  for (const item of Array.isArray(details) ? details : []) {
    const text = isJsonObject(item) ? item['text'] : undefined;
    if (typeof text === 'string' && text !== '') return text;
  }
  return '';
}

function readToolCalls(reply: JsonObject, ids: CallIds): ToolCall[] {
  const listed = Array.isArray(reply['tool_calls']) ? reply['tool_calls'] : [];
  // The form before tool calls, which some servers still send.
  const single = isJsonObject(reply['function_call']) ? [reply['function_call']] : [];
  return (listed.length > 0 ? listed : single).map((entry: unknown) => {
    const call = isJsonObject(entry) ? entry : {};
    const target = isJsonObject(call['function']) ? call['function'] : call;
    const id = uniqueId(call['id'], ids);
    const name = target['name'];
    return {
      id,
      name: typeof name === 'string' ? name : '',
      argumentsText: argumentsText(target['arguments']),
    };
  });
}

/** A result names its call by id, so an id that comes twice would pair with the wrong one. */
function uniqueId(given: unknown, ids: CallIds): string {
  let id = typeof given === 'string' ? given : '';
  for (let n = ids.size; id === '' || ids.has(id); n++) id = `call_${n}`;
  ids.add(id);
  return id;
}

function argumentsText(value: unknown): string {
  if (typeof value === 'string') return value;
  return value === null || value === undefined ? '' : JSON.stringify(value);
}

function readUsage(usage: unknown): { promptTokens?: number; completionTokens?: number } {
  if (!isJsonObject(usage)) return {};
  const { prompt_tokens: prompt, completion_tokens: completion } = usage;
  return {
    ...(isCount(prompt) && { promptTokens: prompt }),
    ...(isCount(completion) && { completionTokens: completion }),
  };
}

/** Gateways report a failed provider as 200 with an `error` object. */
function errorInBody(error: JsonObject): Error {
  const code = typeof error['code'] === 'number' ? error['code'] : undefined;
  const said = typeof error['message'] === 'string' ? error['message'] : JSON.stringify(error);
  const message = `The model server answered with an error: ${said}`;
  const metadata: Record<string, string> = code === undefined ? {} : { status: String(code) };
  return code === 429 || (code !== undefined && code >= 500)
    ? unreachable(message, { reason: 'MODEL_SERVER_UNAVAILABLE', metadata })
    : modelError(message, { reason: 'MODEL_REQUEST_REFUSED', metadata });
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0;
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (typeof value !== 'string') return Array.isArray(value) ? 'a list' : `a ${typeof value}`;
  return `text (${JSON.stringify(value.slice(0, 80))})`;
}
