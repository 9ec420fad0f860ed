import type { Message } from '../../messages.ts';

/** What the model is told where messages were left out, unless the environment says otherwise. */
export const DROPPED_NOTE =
  '[Earlier messages of this conversation are left out here to fit the context.]';

/** Where the note stands: in the first user message, else in the last system message; -1 without both. */
export function notePlace(messages: readonly Message[]): number {
  const user = messages.findIndex(({ role }) => role === 'user');
  return user >= 0 ? user : messages.findLastIndex(({ role }) => role === 'system');
}

/** The message with the note behind what it says. The same at every cut, so the head stays a prefix. */
export function withNote<Noted extends Message>(message: Noted, note: string): Noted {
  const text = message.content.length === 0 ? note : `\n\n${note}`;
  return { ...message, content: [...message.content, { kind: 'text', text }] };
}
