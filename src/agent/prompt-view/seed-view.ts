import { LachesisError } from '../../errors.ts';
import { type Message, textContent, textOf } from '../../messages.ts';
import type { PromptView } from './view.ts';

const HEAD = 2;
const TAIL = 6;
const LONGEST_RESULT = 200;

interface Entry {
  readonly index: number;
  readonly message: Message;
  readonly isShort: boolean;
}

/**
 * The Hermes agent's `_truncate_context`, to the character, in code points as Python counts them: 2
 * messages of head and 6 of tail by place, all results between them cut to 169 characters at once,
 * then the oldest of them dropped. It may orphan results and calls, and may end over the budget.
 * Throws `environment_error` where the seed raised a TypeError.
 */
export function seedView(messages: readonly Message[], budgetTokens: number): PromptView {
  const entries: Entry[] = messages.map((message, index) => ({ index, message, isShort: false }));
  let tokens = entries.reduce((sum, { message }) => sum + seedTokens(message), 0);
  const done = (): PromptView => viewOf(messages, entries, tokens, tokens <= budgetTokens);
  if (tokens <= budgetTokens) return done();

  let middleEnd = entries.length - Math.max(0, Math.min(TAIL, entries.length - HEAD));
  for (let at = HEAD; at < middleEnd; at += 1) {
    const { index, message } = entries[at] as Entry;
    if (message.role !== 'tool' || pythonLength(message) <= LONGEST_RESULT) continue;
    const short = cutResult(message, index);
    tokens += seedTokens(short) - seedTokens(message);
    entries[at] = { index, message: short, isShort: true };
  }
  while (HEAD < middleEnd && tokens > budgetTokens) {
    const remove = (at: number): Message => {
      const [{ message }] = entries.splice(at, 1) as [Entry];
      tokens -= seedTokens(message);
      middleEnd -= 1;
      return message;
    };
    const first = remove(HEAD);
    if (first.role !== 'assistant') continue;
    const ids = new Set(first.toolCalls.map(({ id }) => id));
    for (let at = HEAD; at < middleEnd; ) {
      const { message } = entries[at] as Entry;
      if (message.role === 'tool' && ids.has(message.toolCallId)) remove(at);
      else at += 1;
    }
  }
  return done();
}

/** The seed's guess: a token per 4 characters of content, 10 a message, 50 a call. */
export function seedTokens(message: Message): number {
  const calls = message.role === 'assistant' ? message.toolCalls.length : 0;
  return Math.floor(pythonLength(message) / 4) + 10 + 50 * calls;
}

/** Python's `len(content)`: characters of text, but parts of a list that holds anything else. */
function pythonLength(message: Message): number {
  return isPlain(message) ? codePoints(textOf(message)) : message.content.length;
}

function isPlain({ content }: Message): boolean {
  return content.every(({ kind }) => kind === 'text');
}

function codePoints(text: string): number {
  let count = text.length;
  // The second unit of a pair is no character of its own.
  for (let at = 1; at < text.length; at += 1) {
    if (isLow(text.charCodeAt(at)) && isHigh(text.charCodeAt(at - 1))) count -= 1;
  }
  return count;
}

const isHigh = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;
const isLow = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff;

function cutResult(message: Message & { role: 'tool' }, index: number): Message {
  if (!isPlain(message)) {
    throw new LachesisError(
      'environment_error',
      `The result at message ${index} has ${message.content.length} parts that aren't all text; the seed's prompt view can't cut it.`,
      { reason: 'SEED_VIEW_CONTENT', remedy: "Use promptView 'safe', or give results as text." },
    );
  }
  const characters = [...textOf(message)];
  const first = characters.slice(0, 100).join('');
  const last = characters.slice(-50).join('');
  return { ...message, content: textContent(`${first}\n...[truncated]...\n${last}`) };
}

function viewOf(
  messages: readonly Message[],
  entries: readonly Entry[],
  tokens: number,
  fits: boolean,
): PromptView {
  const shown = new Set(entries.map(({ index }) => index));
  return {
    messages: entries.map(({ message }) => message),
    transcriptIndexes: entries.map(({ index }) => index),
    shortened: entries.filter(({ isShort }) => isShort).map(({ index }) => index),
    dropped: [...messages.keys()].filter((index) => !shown.has(index)),
    tokens,
    fits,
  };
}
