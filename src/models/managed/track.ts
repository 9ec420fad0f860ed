import type { Message } from '../../messages.ts';
import { SegmentBuilder, type SegmentBuilderOptions } from '../../tokens/index.ts';
import { sameMessage } from './message-identity.ts';

/** Where a call was made in a segment. */
export interface CallPoint {
  readonly callIndex: number;
  /** Messages of the prompt. */
  readonly messages: number;
  /** Tokens of the prompt. */
  readonly tokens: number;
}

/** A segment in the making, with the messages that its tokens stand for. */
export class Track {
  readonly builder: SegmentBuilder;
  /** Of the tools that its prompt lists; empty when the renderer lists none. */
  readonly toolsKey: string;
  /** Whose conversation it is; empty for the main agent's. */
  readonly agent: string;
  readonly #messages: Message[] = [];
  /** The caller's own objects, last found equal: most callers hand back the same ones every turn. */
  readonly #echoes: Message[] = [];
  readonly #calls: CallPoint[] = [];

  constructor(options: SegmentBuilderOptions, toolsKey: string) {
    this.builder = new SegmentBuilder(options);
    this.toolsKey = toolsKey;
    this.agent = options.agent ?? '';
  }

  get messages(): readonly Message[] {
    return this.#messages;
  }

  /**
   * Notes that `prompt` was answered by `reply`; `point.tokens` counts the tokens before the sampled
   * ones. Messages that are held already are kept as the very objects that they are.
   */
  answered(
    prompt: readonly Message[],
    reply: Message,
    point: Pick<CallPoint, 'callIndex' | 'tokens'>,
  ): void {
    this.#messages.push(...prompt.slice(this.#messages.length), reply);
    prompt.forEach((message, i) => {
      this.#echoes[i] = message;
    });
    this.#calls.push({ ...point, messages: prompt.length });
  }

  /** True when `messages` goes on from here: nothing that the tokens stand for has changed. */
  isPrefixOf(messages: readonly Message[]): boolean {
    return (
      messages.length >= this.#messages.length && this.#agrees(messages, this.#messages.length)
    );
  }

  /** The call that was made with these very messages. */
  callWith(messages: readonly Message[]): CallPoint | undefined {
    const call = this.#calls.find((point) => point.messages === messages.length);
    return call !== undefined && this.#agrees(messages, messages.length) ? call : undefined;
  }

  /** The call whose prompt was the first `tokens` tokens. */
  callAfter(tokens: number): CallPoint | undefined {
    return this.#calls.find((point) => point.tokens === tokens);
  }

  /** How many messages the first `tokens` tokens stand for, as far as the calls made here tell. */
  messagesWithin(tokens: number): number {
    const call = this.#calls.findLast((point) => point.tokens <= tokens);
    if (call === undefined) return 0;
    return call.tokens < tokens ? call.messages + 1 : call.messages;
  }

  holdsCall(callIndex: number): boolean {
    return this.#calls.some((call) => call.callIndex === callIndex);
  }

  /** Whether its newest message is that very object: of samples with one text it tells which was taken up. */
  endsWith(message: Message | undefined): boolean {
    return message !== undefined && this.#messages.at(-1) === message;
  }

  /** How many messages from the start are the same. */
  commonMessages(messages: readonly Message[]): number {
    const count = Math.min(messages.length, this.#messages.length);
    for (let i = 0; i < count; i++) {
      if (!this.#holds(messages[i]!, i)) return i;
    }
    return count;
  }

  /** Backwards, since histories that differ mostly differ at their end. */
  #agrees(messages: readonly Message[], count: number): boolean {
    for (let i = count - 1; i >= 0; i--) {
      if (!this.#holds(messages[i]!, i)) return false;
    }
    return true;
  }

  #holds(message: Message, index: number): boolean {
    return message === this.#echoes[index] || sameMessage(message, this.#messages[index]!);
  }
}
