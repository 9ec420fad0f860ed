import type { AssistantMessage, Message } from '../../messages.ts';
import type { AlteredAnswer, CallUse } from '../../tokens/index.ts';
import type { RenderedPiece } from '../rendering/chat-renderer.ts';
import { messageKey, sameMessage } from './message-identity.ts';

/** Of an answer that was received, of the same agent and at the same place. */
const MOST_ALIKE = 8;

/** A prompt as it was asked with, as far as it concerns the answers in it. */
export interface AskedPrompt {
  readonly callIndex: number;
  readonly agent: string;
  readonly messages: readonly Message[];
  /** What was written for the messages that are new. */
  readonly pieces: readonly RenderedPiece[];
  /** The place of a message that says what was sampled, in other tokens. */
  readonly respelled?: number | undefined;
  /**
   * The call that it says it goes on from; `set_off` for one of another agent's, which began a conversation
   * that is like no other. Undefined where nothing is said.
   */
  readonly declared?: number | 'set_off' | undefined;
  /** It is the agent's own word; calls for another purpose pass over nobody's. */
  readonly isAct: boolean;
}

interface Asked {
  readonly callIndex: number;
  readonly agent: string;
  readonly continues: number;
  readonly passesOver: readonly number[];
  /** Its answer came, or never will. */
  ended: boolean;
  readonly length: number;
  /** The messages before the first one of an assistant, and those since the last. */
  readonly opening: readonly Message[];
  readonly tail: readonly Message[];
  /** All of them, where the call begins a conversation. */
  readonly whole: readonly Message[] | undefined;
}

interface Answer {
  readonly callIndex: number;
  readonly tokenIds: Int32Array;
}

/**
 * The answers of a session, and what the prompts after them made of them. It goes by the messages: where a
 * template writes the same message in other tokens, the agent has taken it all the same.
 */
export class Answers {
  readonly #asked: Asked[] = [];
  readonly #byCall = new Map<number, Answer>();
  readonly #byMessage = new Map<Message, Answer>();
  readonly #byKey = new Map<string, Answer[]>();
  readonly #isLost: (callIndex: number) => boolean;

  /** `isLost` of a call whose answer never reached who asked. */
  constructor(isLost: (callIndex: number) => boolean) {
    this.#isLost = isLost;
  }

  /** What a prompt makes of the answers so far. It may be told again once more is known of its pieces. */
  asked(prompt: AskedPrompt): CallUse {
    const { callIndex, agent, messages } = prompt;
    const use = this.#useOf(prompt);
    this.#asked[callIndex] = {
      ...{ callIndex, agent, continues: use.continues, passesOver: use.passesOver },
      length: messages.length,
      opening: openingOf(messages),
      tail: tailOf(messages),
      whole: use.continues < 0 ? messages : undefined,
      ended: false,
    };
    return use;
  }

  /** A call is over, whatever came of it. */
  ended(callIndex: number): void {
    const asked = this.#asked[callIndex];
    if (asked !== undefined) asked.ended = true;
  }

  answered(callIndex: number, message: AssistantMessage, tokenIds: Int32Array): void {
    const answer = { callIndex, tokenIds };
    this.#byCall.set(callIndex, answer);
    this.#byMessage.set(message, answer);
    const { reasoning, ...stripped } = message;
    const keys = [messageKey(message)];
    // Most clients send an answer back without its reasoning.
    if (reasoning !== undefined) keys.push(messageKey(stripped));
    for (const key of keys) {
      const held = this.#byKey.get(key);
      if (held === undefined) this.#byKey.set(key, [answer]);
      else held.push(answer);
    }
  }

  #useOf(prompt: AskedPrompt): CallUse {
    const { declared } = prompt;
    const found = this.#foundIn(prompt);
    const { alters } = found;
    const isDeclared = typeof declared === 'number' && alters?.callIndex !== declared;
    const continues = declared === 'set_off' ? -1 : isDeclared ? declared : found.continues;
    const passesOver = this.#asked[prompt.callIndex]?.passesOver ?? this.#passed(prompt, continues);
    return { agent: prompt.agent, continues, passesOver, alters };
  }

  #foundIn(prompt: AskedPrompt): Pick<CallUse, 'continues' | 'alters'> {
    const { messages } = prompt;
    let alters: AlteredAnswer | undefined;
    for (let at = messages.length - 1; at >= 0; at--) {
      const message = messages[at]!;
      if (message.role !== 'assistant') continue;
      const own = this.#find(message, at, prompt);
      if (own !== undefined && at !== prompt.respelled) {
        return { continues: own.callIndex, alters };
      }
      alters ??= this.#altered(at, prompt, own);
    }
    return { continues: -1, alters };
  }

  /**
   * The answer that a message is. Of several that say the same it is the declared one, else the latest
   * that was given to the same question: before one that was lost, one of the same agent's before
   * another's, and one at the same place before one whose history was cut.
   */
  #find(message: AssistantMessage, at: number, prompt: AskedPrompt): Answer | undefined {
    const itself = this.#byMessage.get(message);
    if (itself !== undefined) return itself;
    const equal = this.#byKey.get(messageKey(message)) ?? [];
    const declared =
      typeof prompt.declared === 'number'
        ? equal.find(({ callIndex }) => callIndex === prompt.declared)
        : undefined;
    if (declared !== undefined) return declared;
    let best: Answer | undefined;
    let bestLikeness = 0;
    // The latest first: it is the one in all but odd cases, and many may say the same.
    for (let i = equal.length - 1; i >= 0 && bestLikeness < MOST_ALIKE; i--) {
      const likeness = this.#likeness(equal[i]!, at, prompt);
      if (likeness <= bestLikeness) continue;
      best = equal[i];
      bestLikeness = likeness;
    }
    return best;
  }

  /** 0 for an answer to another question, which only happens to say the same. */
  #likeness({ callIndex }: Answer, at: number, { agent, messages }: AskedPrompt): number {
    const asked = this.#asked[callIndex];
    if (asked === undefined) return 0;
    const isSamePlace = asked.length === at;
    const isSameQuestion =
      endsAlike(messages, at, asked.tail) || (isSamePlace && beginsAlike(messages, asked.opening));
    if (!isSameQuestion) return 0;
    const isReceived = !this.#isLost(callIndex);
    // At most MOST_ALIKE.
    return 1 + (isReceived ? 4 : 0) + (asked.agent === agent ? 2 : 0) + (isSamePlace ? 1 : 0);
  }

  /** The answer in whose place a message stands that says something else. */
  #altered(
    at: number,
    { callIndex, agent, messages, pieces }: AskedPrompt,
    own: Answer | undefined,
  ): AlteredAnswer | undefined {
    const call = this.#asked.findLast(
      (one) =>
        one !== undefined &&
        one.callIndex !== callIndex &&
        one.agent === agent &&
        one.length === at &&
        this.#byCall.has(one.callIndex) &&
        endsAlike(messages, at, one.tail),
    );
    const answer = own ?? (call && this.#byCall.get(call.callIndex));
    if (answer === undefined) return undefined;
    const written = pieces
      .filter(({ messageIndex, origin }) => messageIndex === at && origin === 'foreign')
      .flatMap(({ tokenIds }) => [...tokenIds]);
    const differs = written.findIndex((id, i) => id !== answer.tokenIds[i]);
    return {
      callIndex: answer.callIndex,
      commonTokens: differs < 0 ? written.length : differs,
    };
  }

  /** The calls of an agent at whose place it is asked again, without their answers. */
  #passed(
    { callIndex, agent, declared, isAct, messages }: AskedPrompt,
    continues: number,
  ): readonly number[] {
    if (!isAct || declared === 'set_off') return [];
    const passed = this.#asked.filter((one) => {
      if (one === undefined || one.callIndex >= callIndex) return false;
      if (one.agent !== agent || one.continues !== continues) return false;
      const { length, tail, whole } = one;
      if (length > messages.length) return one.ended && continues >= 0;
      const isBegun = whole ? beginsAlike(messages, whole) : endsAlike(messages, length, tail);
      if (isBegun && length === messages.length) return true;
      return one.ended && (continues >= 0 || isBegun);
    });
    return passed.map((one) => one.callIndex);
  }
}

/** The messages since the last one of an assistant. */
function tailOf(messages: readonly Message[]): readonly Message[] {
  return messages.slice(messages.findLastIndex(({ role }) => role === 'assistant') + 1);
}

/** The messages before the first one of an assistant. */
function openingOf(messages: readonly Message[]): readonly Message[] {
  const end = messages.findIndex(({ role }) => role === 'assistant');
  return end < 0 ? messages : messages.slice(0, end);
}

function beginsAlike(messages: readonly Message[], opening: readonly Message[]): boolean {
  return (
    opening.length <= messages.length &&
    opening.every((message, at) => sameMessage(message, messages[at]!))
  );
}

/** Whether the messages before `end` end with these. */
function endsAlike(messages: readonly Message[], end: number, tail: readonly Message[]): boolean {
  const start = end - tail.length;
  return start >= 0 && tail.every((message, i) => sameMessage(message, messages[start + i]!));
}
