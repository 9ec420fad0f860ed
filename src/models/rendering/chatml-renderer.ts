import { invalidInput } from '../../errors.ts';
import type { Message } from '../../messages.ts';
import { textOf } from '../../messages.ts';
import {
  continueChatml,
  fingerprintHex,
  renderChatml,
  type TemplateMessage,
  type TemplatePiece,
  templateFingerprint,
} from '../../policy/index.ts';
import type { ChatRenderer, RenderedPiece, SampledIds } from './chat-renderer.ts';
import { shiftedPiece } from './shifted-piece.ts';

/** What a renderer needs of a tokenizer; the embedded policy's fits. */
export interface TextTokenizer {
  readonly vocabularySize: number;
  /** `sha256:<hex>` or plain hex. */
  readonly fingerprint: string;
  /** Special tokens are only encoded when `allowSpecial`; otherwise their spelling is plain text. */
  encode(text: string, options?: { readonly allowSpecial?: boolean }): Int32Array;
  decode(ids: Iterable<number>): string;
}

export interface ChatmlRendererOptions {
  readonly tokenizer: TextTokenizer;
  /** List the tools in the system message. Default: false, as the shipped checkpoint was trained. */
  readonly listTools?: boolean;
}

/**
 * ChatML with Hermes tool calls. Its template never looks at neighbours, so every message can be
 * appended and a sampled turn never has to be rendered again.
 */
export function createChatmlRenderer(options: ChatmlRendererOptions): ChatRenderer {
  const { tokenizer, listTools = false } = options;
  const encode = (piece: TemplatePiece): Int32Array =>
    tokenizer.encode(piece.text, { allowSpecial: piece.special });
  const idOf = (special: string): number => {
    const [id, ...more] = tokenizer.encode(special, { allowSpecial: true });
    if (id !== undefined && more.length === 0) return id;
    throw invalidInput('tokenizer', `has no single token for ${special}, which ChatML needs.`);
  };
  const close = idOf('<|im_end|>');

  function renderMessage(message: Message, index: number, sampledIds: SampledIds): RenderedPiece[] {
    const pieces = renderChatml([templateMessage(message, index)]);
    const run = (piece: TemplatePiece, at: number): RenderedPiece => ({
      tokenIds: encode(piece),
      origin: originAt(message.role, piece, at, pieces.length),
      messageIndex: index,
    });
    const sampled = message.role === 'assistant' ? sampledIds(message) : undefined;
    if (sampled === undefined) return pieces.map(run);
    // The text between head and tail is not even looked at.
    const tail = pieces.length - (sampled.at(-1) === close ? 1 : TAIL_PIECES);
    return pieces.flatMap((piece, at): RenderedPiece[] => {
      if (at < HEAD_PIECES || at >= tail) return [run(piece, at)];
      if (at > HEAD_PIECES) return [];
      return [{ tokenIds: sampled, origin: 'foreign', messageIndex: index, verbatim: true }];
    });
  }

  const template = (pieces: readonly TemplatePiece[]): RenderedPiece[] =>
    pieces.map((piece) => ({ tokenIds: encode(piece), origin: 'template' }));

  // Renders of nothing: only the generation prompt, and only what closes a turn.
  const generationPrompt = template(renderChatml([], { addGenerationPrompt: true }));
  const closers = template(continueChatml(undefined, [], { addGenerationPrompt: false }));

  return {
    fingerprint: Object.freeze({
      tokenizerSha256: fingerprintHex(tokenizer.fingerprint),
      templateSha256: fingerprintHex(templateFingerprint()),
    }),
    vocabularySize: tokenizer.vocabularySize,
    stopTokenIds: Object.freeze([close, idOf('<|endoftext|>')]),
    rendersTools: listTools,
    render(messages, tools, sampledIds = notSampled) {
      const listed = listTools && tools.length > 0 ? withTools(messages, tools) : messages;
      // A system message that only lists the tools is no message of the transcript.
      const added = listed.length - messages.length;
      return [
        ...listed.flatMap((message, index) =>
          renderMessage(message, index, sampledIds).map((piece) => shiftedPiece(piece, -added)),
        ),
        ...generationPrompt,
      ];
    },
    extend({ lastTokenId }, newMessages, _tools, sampledIds = notSampled) {
      return [
        ...(lastTokenId === close ? closers.slice(1) : closers),
        ...newMessages.flatMap((message, index) => renderMessage(message, index, sampledIds)),
        ...generationPrompt,
      ];
    },
    decode: (tokenIds) => tokenizer.decode(tokenIds),
  };
}

/** `<|im_start|>` and the role's line; `<|im_end|>` and the newline after it. */
const HEAD_PIECES = 2;
const TAIL_PIECES = 2;

const notSampled: SampledIds = () => undefined;

/** What the template wrote and what the message says; a test holds the two templates together. */
function originAt(
  role: Message['role'],
  piece: TemplatePiece,
  at: number,
  count: number,
): RenderedPiece['origin'] {
  if (at < HEAD_PIECES || at >= count - TAIL_PIECES) return 'template';
  switch (role) {
    case 'system':
    case 'user':
      return 'prompt';
    case 'assistant':
      return 'foreign';
    case 'tool':
      return piece.special || at !== HEAD_PIECES + TOOL_OPENING_PIECES ? 'template' : 'tool';
  }
}

/** `<tool_response>` and a newline. */
const TOOL_OPENING_PIECES = 2;

function templateMessage(message: Message, index: number): TemplateMessage {
  const odd = message.content.find((part) => part.kind !== 'text');
  if (odd !== undefined) {
    throw invalidInput(`messages[${index}].content`, `holds a part of kind ${odd.kind}.`, {
      reason: 'UNSUPPORTED_CONTENT',
      remedy: 'This model reads text only.',
    });
  }
  const content = textOf(message);
  if (message.role !== 'assistant') return { role: message.role, content };
  const { reasoning, toolCalls } = message;
  return { role: 'assistant', content, ...(reasoning !== undefined && { reasoning }), toolCalls };
}

function withTools(
  messages: readonly Message[],
  tools: Parameters<ChatRenderer['render']>[1],
): readonly Message[] {
  const list = tools.map(({ name, description, parameters }) =>
    JSON.stringify({ name, description, parameters }),
  );
  const text = `Tools, one per line:\n${list.join('\n')}`;
  const [first, ...rest] = messages;
  if (first?.role !== 'system') {
    return [{ role: 'system', content: [{ kind: 'text', text }] }, ...messages];
  }
  const content = [...first.content, { kind: 'text' as const, text: `\n\n${text}` }];
  return [{ role: 'system', content }, ...rest];
}
