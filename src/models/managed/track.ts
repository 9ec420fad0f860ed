import type { Message } from '../../messages.ts';
import { SegmentBuilder, type SegmentBuilderOptions } from '../../tokens/index.ts';
import { sameMessage } from './message-identity.ts';

/** Where a call was made in a segment. */
export interface CallPoint {
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
  readonly #messages: Message[] = [];
  /** The caller's own objects, last found equal: most callers hand back the same ones every turn. */
  readonly #echoes: Message[] = [];
  readonly #calls: CallPoint[] = [];

  constructor(options: SegmentBuilderOptions, toolsKey: string) {
    this.builder = new SegmentBuilder(options);
    this.toolsKey = toolsKey;
  }

  get messages(): readonly Message[] {
    return this.#messages;
  }

  /**
   * Notes that `prompt` was answered by `reply`; `promptTokens` counts the tokens before the sampled
   * ones. Messages that are held already are kept as the very objects that they are.
   */
  answered(prompt: readonly Message[], promptTokens: number, reply: Message): void {
    this.#messages.push(...prompt.slice(this.#messages.length), reply);
    prompt.forEach((message, i) => {
      this.#echoes[i] = message;
    });
    this.#calls.push({ messages: prompt.length, tokens: promptTokens });
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
