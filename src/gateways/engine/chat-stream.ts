import type { ToolDefinition } from '../../messages.ts';
import {
  type Generation,
  type GenerationSlice,
  isSpecialId,
  type Tokenizer,
} from '../../policy/index.ts';
import { choiceTokens, envelope, toolCallFields, usageOf } from './chat-choice.ts';
import { chatText } from './completion-text.ts';
import { fieldsOf } from './fields.ts';
import type { RouteContext } from './routes.ts';
import { type SamplingRequest, sample, stopReasonOf, withFaults } from './sampling.ts';

/**
 * Streams a chat completion. Content goes out as it is sampled, up to the first special token: what
 * opens a structure (a tool call, a think block) is held back and sent parsed, in one piece.
 */
export async function streamChat(
  context: RouteContext,
  promptIds: Int32Array,
  request: SamplingRequest,
  tools: readonly ToolDefinition[],
): Promise<void> {
  const { policy, body, faults, signal } = context;
  const fields = fieldsOf(body);
  const events = context.stream();
  const chunk = (choice: object): object => ({
    ...envelope(context, 'chat.completion.chunk'),
    choices: [choice],
  });
  const delta = (index: number, content: object): object =>
    chunk({ index, delta: content, finish_reason: null });

  // Slices come synchronously; their events leave one after the other, as the client takes them.
  let sent: Promise<void> = Promise.resolve();
  const send = (event: object): void => {
    sent = sent.then(() => events.send(event));
    sent.catch(() => {});
  };
  const choices = Array.from({ length: request.n }, () => new PlainText(policy.tokenizer));
  choices.forEach((_, index) => {
    send({
      ...delta(index, { role: 'assistant', content: '' }),
      ...(fields.flag('return_token_ids') ? { prompt_token_ids: [...promptIds] } : {}),
    });
  });
  const generations = await sample(policy, promptIds, request, {
    signal,
    onSlice: (index, slice) => {
      const content = choices[index]?.take(slice) ?? '';
      if (content !== '') send(delta(index, { content }));
    },
  });
  generations.map((generation) => withFaults(generation, faults)).forEach(finish);
  if (fields.object('stream_options')?.['include_usage'] === true) {
    send({
      ...envelope(context, 'chat.completion.chunk'),
      choices: [],
      usage: usageOf(promptIds, generations),
    });
  }
  await sent;
  events.end();

  function finish(generation: Generation, index: number): void {
    const text = chatText(generation, policy.tokenizer, tools);
    const rest = choices[index]?.rest(text.content ?? '') ?? '';
    if (text.reasoning !== undefined) send(delta(index, { reasoning: text.reasoning }));
    if (rest !== '') send(delta(index, { content: rest }));
    if (text.toolCalls.length > 0) {
      const { tool_calls } = toolCallFields(text.toolCalls, context.requestId, index);
      send(delta(index, { tool_calls: tool_calls?.map((call, i) => ({ index: i, ...call })) }));
    }
    send(
      chunk({
        index,
        delta: {},
        finish_reason: text.finishReason,
        stop_reason: stopReasonOf(generation, request),
        ...choiceTokens(context, generation),
      }),
    );
  }
}

/** The text before the first special token, whole characters at a time. */
class PlainText {
  readonly #tokenizer: Tokenizer;
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  #sent = '';
  #ended = false;

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
  }

  /** What a slice adds. */
  take(slice: GenerationSlice): string {
    let added = '';
    for (const id of slice.ids) {
      if (isSpecialId(id)) this.#ended = true;
      if (this.#ended) break;
      added += this.#decoder.decode(this.#tokenizer.bytesOf(id), { stream: true });
    }
    this.#sent += added;
    return added;
  }

  /** What of the final content was not sent yet. */
  rest(content: string): string {
    return content.startsWith(this.#sent) ? content.slice(this.#sent.length) : '';
  }
}
