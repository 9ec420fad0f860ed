import { invalidInput } from '../../errors.ts';
import type { AssistantMessage, Message, ToolDefinition } from '../../messages.ts';
import { appendTurns, notSampled, verbatimTurns } from './append-turns.ts';
import { createVerdicts, type RenderingCertification } from './certification.ts';
import type { ChatRenderer, RenderedPiece, RenderState, SampledIds } from './chat-renderer.ts';
import { createChatTemplate } from './chat-template.ts';
import { createRunEncoder, type RunEncoder } from './encode-runs.ts';
import { createFollow } from './follow-turn.ts';
import { createHistoryCheck } from './history-check.ts';
import { textOfRuns } from './marked-text.ts';
import type { ModelTokenizer } from './model-tokenizer.ts';
import type { Bridge } from './template-bridge.ts';
import { createTemplateWriter, type TemplateWriter } from './template-writer.ts';
import { DUMMIES } from './turn-kind.ts';

export interface TemplateRendererOptions {
  readonly tokenizer: ModelTokenizer;
  /** The source of the model's chat template. */
  readonly template: string;
  /** What else the template reads, such as `enable_thinking`. */
  readonly variables?: Readonly<Record<string, unknown>>;
  /** Ids that end a turn, as in generation_config.json. Those of the template are found by themselves. */
  readonly stopTokenIds?: readonly number[];
  /**
   * Where the template would rewrite history (think blocks gone once the user speaks again): `template`
   * does as it says, in a new segment; `verbatim` goes on from what was sampled. Default: `template`.
   */
  readonly historyPolicy?: 'template' | 'verbatim';
  /** What the template takes for the present, in UTC. Default: the moment that the renderer is made. */
  readonly now?: Date;
}

export interface TemplateRenderer extends ChatRenderer {
  /** What the template was found to do, the usual kinds first. */
  readonly certification: RenderingCertification;
  readonly historyPolicy: 'template' | 'verbatim';
}

/**
 * A renderer of any model, derived from its own tokenizer and chat template. What follows a turn is read
 * off the template, and only for kinds of conversation for which that was certified.
 * @throws invalid_input for a template that can't be read, or that writes no user message.
 */
export function createTemplateRenderer(options: TemplateRendererOptions): TemplateRenderer {
  const { tokenizer, historyPolicy = 'template', now = new Date() } = options;
  assertOwnControlTokens(options);
  const template = createChatTemplate({
    source: options.template,
    variables: { ...namedTokenVariables(tokenizer), ...options.variables },
    now,
  });
  const control = tokenizer.controlTokens.map(({ text }) => text);
  const writer = createTemplateWriter({ template, control });
  const encoder = createRunEncoder(tokenizer);
  const stopIds = stopTokensOf(options, writer, encoder);
  const bridge: Bridge = { writer, encoder, stopIds };
  const check = createHistoryCheck({ template, writer, control, variables: options.variables });
  const verdicts = createVerdicts(bridge, check.reason === undefined);
  const follow = createFollow({ bridge, verdicts, check, historyPolicy });

  const writeAll = (
    messages: readonly Message[],
    tools: readonly ToolDefinition[],
  ): RenderedPiece[] =>
    encoder.encode(writer.write(messages, { tools, generationPrompt: true }), { continues: false });

  return Object.freeze({
    fingerprint: Object.freeze({
      tokenizerSha256: tokenizer.fingerprint,
      templateSha256: template.sha256,
    }),
    vocabularySize: tokenizer.vocabularySize,
    stopTokenIds: Object.freeze([...stopIds]),
    rendersTools: rendersTools(writer),
    historyPolicy,
    get certification() {
      return verdicts.report();
    },
    render(
      messages: readonly Message[],
      tools: readonly ToolDefinition[],
      sampledIds: SampledIds = notSampled,
    ) {
      // Turns before a place that the template rewrites are its text now.
      const { turns, pieces } = appendTurns(messages, verbatimTurns(messages, sampledIds), {
        tools,
        follow,
      });
      const [first] = turns;
      const head = first === undefined ? messages : messages.slice(0, first.index);
      return [...writeAll(head, tools), ...pieces];
    },
    extend(
      state: RenderState,
      newMessages: readonly Message[],
      tools: readonly ToolDefinition[],
      sampledIds: SampledIds = notSampled,
    ) {
      const turns = verbatimTurns(newMessages, sampledIds);
      const end = turns[0]?.index ?? newMessages.length;
      // Two turns of the model in a row.
      if (end === 0 && turns.length > 0) return undefined;
      const { lastTokenId, history: before } = state;
      const history = before && { messages: before, length: before.length };
      const pieces = follow({ lastTokenId, history }, newMessages.slice(0, end), tools);
      if (pieces === undefined || turns.length === 0) return pieces;
      const appended = appendTurns(newMessages, turns, { tools, follow });
      return appended.turns.length === turns.length ? [...pieces, ...appended.pieces] : undefined;
    },
    decode: (tokenIds: Int32Array) => tokenizer.decode(tokenIds),
  });
}

function namedTokenVariables(tokenizer: ModelTokenizer): Record<string, string> {
  return Object.fromEntries(
    Object.entries(tokenizer.namedTokens).map(([name, text]) => [`${name}_token`, text]),
  );
}

/** Those that were given, the config's end of sequence, and whatever ends a turn that only talks. */
function stopTokensOf(
  { tokenizer, stopTokenIds = [] }: TemplateRendererOptions,
  writer: TemplateWriter,
  encoder: RunEncoder,
): ReadonlySet<number> {
  const [dummy] = DUMMIES;
  const user: Message = { role: 'user', content: [{ kind: 'text', text: dummy.user }] };
  const reply: AssistantMessage = {
    role: 'assistant',
    content: [{ kind: 'text', text: dummy.reply }],
    toolCalls: [],
  };
  const text = textOfRuns(writer.write([user, reply], { tools: [], generationPrompt: false }));
  const last = encoder.controlsIn(text).at(-1);
  const isEnd = last !== undefined && text.slice(last.end).trim() === '';
  const eos = tokenizer.namedTokens['eos'];
  const eosId = eos === undefined ? undefined : tokenizer.idOf(eos);
  return new Set([
    ...(isEnd ? [last.token.id] : []),
    ...(eosId === undefined ? [] : [eosId]),
    ...stopTokenIds,
  ]);
}

function rendersTools(writer: TemplateWriter): boolean {
  const [dummy] = DUMMIES;
  const user: Message = { role: 'user', content: [{ kind: 'text', text: dummy.user }] };
  const write = (tools: readonly ToolDefinition[]): string =>
    textOfRuns(writer.write([user], { tools, generationPrompt: true }));
  return write([]) !== write(dummy.tools);
}

/** An added token that the template writes must not be one that a message's text can yield. */
function assertOwnControlTokens({ tokenizer, template }: TemplateRendererOptions): void {
  const control = new Set(tokenizer.controlTokens.map(({ text }) => text));
  const missing = tokenizer.addedTokens.find(
    (text) => text.trim() !== '' && template.includes(text) && !control.has(text),
  );
  if (missing === undefined) return;
  throw invalidInput('tokenizer', `takes ${missing} of the template for plain text.`, {
    remedy: 'Give createModelTokenizer the same template.',
  });
}
