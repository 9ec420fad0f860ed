import type { Message } from '../../messages.ts';
import { textContent, textOf } from '../../messages.ts';
import type { HistoryEnd } from './append-turns.ts';
import type { ChatTemplate } from './chat-template.ts';
import { folded, templateWords } from './template-words.ts';
import { isRefusal, type TemplateWriter } from './template-writer.ts';
import { DUMMIES, dummyRounds } from './turn-kind.ts';
import { createTextWatch } from './watch-texts.ts';

/**
 * Says of which conversations a template can learn no more than the roles and the order of their
 * messages, so that what it writes behind one of them is what it writes behind all.
 */
export interface HistoryCheck {
  /** Why the template may treat any two conversations differently; undefined: it hasn't the means. */
  readonly reason: string | undefined;
  /** No text holds a word that the template looks for, and messages take turns as they usually do. */
  isPlain(history: HistoryEnd): boolean;
}

export interface HistoryCheckOptions {
  readonly template: ChatTemplate;
  readonly writer: TemplateWriter;
  readonly control: readonly string[];
  /** What else the template reads. */
  readonly variables?: Readonly<Record<string, unknown>> | undefined;
}

export function createHistoryCheck(options: HistoryCheckOptions): HistoryCheck {
  const { template, writer, control } = options;
  const words = templateWords(template.program, options.variables);
  const reasons = words.counts === undefined ? [] : [words.counts];
  const observe = createTextWatch(words, (reason) => void reasons.push(reason));
  for (const messages of conversations()) {
    for (const tools of [[], DUMMIES[0].tools]) {
      try {
        writer.write(messages, { tools, generationPrompt: true, observe });
      } catch (thrown) {
        if (!isRefusal(thrown)) throw thrown;
      }
    }
  }
  // Texts that spell a control token come to the template with a break in it.
  const tokens = control.map(folded);
  const held = [...words.held].filter((word) => !tokens.some((token) => word.includes(token)));

  const isPlainText = (text: string): boolean => {
    const given = folded(text);
    return given !== '' && !words.equal.has(given) && !held.some((word) => given.includes(word));
  };
  const known = new WeakMap<Message, boolean>();
  const isPlainMessage = (message: Message): boolean => {
    const found = known.get(message) ?? textsOf(message).every(isPlainText);
    known.set(message, found);
    return found;
  };

  return Object.freeze({
    reason: reasons[0],
    isPlain({ messages, length }: HistoryEnd): boolean {
      for (let at = 0; at < length; at++) {
        const message = messages[at]!;
        if (!mayFollow(messages[at - 1], message) || !isPlainMessage(message)) return false;
      }
      return true;
    },
  });
}

/** What the template is watched at. */
function conversations(): Message[][] {
  const [{ user, system }] = DUMMIES;
  const first: Message = { role: 'user', content: textContent(user) };
  const head: Message = { role: 'system', content: textContent(system) };
  return ([0, 1, 2] as const).flatMap((calls) => {
    const messages = [first, ...dummyRounds(3, calls)];
    return [messages, [head, ...messages], messages.slice(0, -1), messages.slice(0, -2)];
  });
}

function textsOf(message: Message): string[] {
  const text = textOf(message);
  if (message.role !== 'assistant') return [text];
  const { reasoning, toolCalls } = message;
  return [
    ...(text !== '' || toolCalls.length === 0 ? [text] : []),
    ...(reasoning === undefined ? [] : [reasoning]),
    ...toolCalls.flatMap(({ name, argumentsText }) => [name, argumentsText]),
  ];
}

function mayFollow(previous: Message | undefined, { role }: Message): boolean {
  switch (role) {
    case 'system':
      return previous === undefined;
    case 'user':
      return previous?.role !== 'user';
    case 'assistant':
      return previous?.role === 'user' || previous?.role === 'tool';
    case 'tool':
      return (
        previous?.role === 'tool' ||
        (previous?.role === 'assistant' && previous.toolCalls.length > 0)
      );
  }
}
