import { createHash } from 'node:crypto';
import { specialId } from './special-tokens.ts';
import type { Tokenizer } from './tokenizer.ts';

export interface TemplateToolCall {
  readonly name: string;
  /** The JSON of the arguments, as the model wrote it; it is put back verbatim. */
  readonly argumentsText: string;
}

/** A chat message as the template sees it; a room above maps its own messages onto this. */
export interface TemplateMessage {
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  readonly content: string;
  /** Only for the assistant: what stood between the think tags. */
  readonly reasoning?: string;
  /** Only for the assistant. */
  readonly toolCalls?: readonly TemplateToolCall[];
}

export interface TemplateTool {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of the arguments. */
  readonly parameters: unknown;
}

/** A run of the rendered text. Only the template itself writes special tokens. */
export interface TemplatePiece {
  readonly text: string;
  readonly special: boolean;
}

export interface RenderOptions {
  /** End with the header of an assistant turn. */
  readonly addGenerationPrompt?: boolean;
  /** Listed in the system message. The shipped checkpoint was trained without. */
  readonly tools?: readonly TemplateTool[];
}

/**
 * ChatML with Hermes-style tool calls. Every piece is encoded by itself, so the tokens of a message
 * do not depend on its neighbours: appending to a sequence and rendering the whole agree.
 */
export function renderChatml(
  messages: readonly TemplateMessage[],
  options: RenderOptions = {},
): TemplatePiece[] {
  const pieces: TemplatePiece[] = [];
  for (const message of withTools(messages, options.tools ?? [])) pushMessage(pieces, message);
  if (options.addGenerationPrompt === true) pieces.push(...header('assistant'));
  return pieces;
}

/**
 * What follows a sampled turn: its close when it was cut short, the new messages, and (unless
 * turned off) the next generation prompt. `lastId` is the last sampled token.
 */
export function continueChatml(
  lastId: number | undefined,
  newMessages: readonly TemplateMessage[],
  options: { readonly addGenerationPrompt?: boolean } = {},
): TemplatePiece[] {
  const { addGenerationPrompt = true } = options;
  const closed = lastId === specialId('<|im_end|>');
  const close = closed ? [] : [special('<|im_end|>')];
  return [...close, plain('\n'), ...renderChatml(newMessages, { addGenerationPrompt })];
}

/** The ids of rendered pieces. */
export function encodePieces(tokenizer: Tokenizer, pieces: readonly TemplatePiece[]): Int32Array {
  const runs = pieces.map((piece) => tokenizer.encode(piece.text, { allowSpecial: piece.special }));
  const ids = new Int32Array(runs.reduce((sum, run) => sum + run.length, 0));
  let at = 0;
  for (const run of runs) {
    ids.set(run, at);
    at += run.length;
  }
  return ids;
}

/** The rendered text, special tokens spelled out. */
export function piecesText(pieces: readonly TemplatePiece[]): string {
  return pieces.map((piece) => piece.text).join('');
}

/** `sha256:<hex>` of a fixed dialogue's render: changes whenever the template does. */
export function templateFingerprint(): string {
  const call = { name: 'f', argumentsText: '{"a": 1}' };
  const tools = [{ name: 'f', description: 'd', parameters: { type: 'object' } }];
  const dialogue: TemplateMessage[] = [
    { role: 'system', content: 's' },
    { role: 'user', content: 'u' },
    { role: 'assistant', content: 'c', reasoning: 'r', toolCalls: [call, call] },
    { role: 'tool', content: 't' },
  ];
  const pieces = renderChatml(dialogue, { addGenerationPrompt: true, tools });
  return `sha256:${createHash('sha256').update(JSON.stringify(pieces)).digest('hex')}`;
}

function special(text: Parameters<typeof specialId>[0]): TemplatePiece {
  return { text, special: true };
}

function plain(text: string): TemplatePiece {
  return { text, special: false };
}

function header(role: TemplateMessage['role']): TemplatePiece[] {
  return [special('<|im_start|>'), plain(`${role}\n`)];
}

function pushMessage(pieces: TemplatePiece[], message: TemplateMessage): void {
  pieces.push(...header(message.role));
  switch (message.role) {
    case 'assistant':
      pushAssistant(pieces, message);
      break;
    case 'tool':
      pieces.push(special('<tool_response>'), plain('\n'), plain(message.content), plain('\n'));
      pieces.push(special('</tool_response>'));
      break;
    case 'system':
    case 'user':
      pieces.push(plain(message.content));
  }
  pieces.push(special('<|im_end|>'), plain('\n'));
}

function pushAssistant(pieces: TemplatePiece[], message: TemplateMessage): void {
  if (message.reasoning !== undefined) {
    pieces.push(special('<think>'), plain(`\n${message.reasoning}\n`), special('</think>'));
    pieces.push(plain('\n'));
  }
  pieces.push(plain(message.content));
  for (const [index, call] of (message.toolCalls ?? []).entries()) {
    if (index > 0 || message.content !== '') pieces.push(plain('\n'));
    const name = JSON.stringify(call.name);
    pieces.push(special('<tool_call>'));
    pieces.push(plain(`\n{"name": ${name}, "arguments": ${call.argumentsText}}\n`));
    pieces.push(special('</tool_call>'));
  }
}

function withTools(
  messages: readonly TemplateMessage[],
  tools: readonly TemplateTool[],
): readonly TemplateMessage[] {
  if (tools.length === 0) return messages;
  const list = tools.map(({ name, description, parameters }) =>
    JSON.stringify({ name, description, parameters }),
  );
  const text = `Tools, one per line:\n${list.join('\n')}`;
  const [first, ...rest] = messages;
  if (first?.role !== 'system') return [{ role: 'system', content: text }, ...messages];
  return [{ role: 'system', content: `${first.content}\n\n${text}` }, ...rest];
}
