import { clipText, invalidInput } from '../errors.ts';
import { type Message, textContent } from '../messages.ts';

/** The conversation that a tool opens with the model: a text is a user message. */
export function openingOf(
  prompt: string | readonly Message[],
  systemPrompt?: string,
): readonly Message[] {
  const messages: readonly Message[] =
    typeof prompt === 'string' ? [{ role: 'user', content: textContent(prompt) }] : prompt;
  if (!Array.isArray(messages) || messages.length === 0 || !messages.every(isMessage)) {
    const shown = clipText(JSON.stringify(prompt) ?? 'nothing', 200);
    throw invalidInput('prompt', `must be a text or a list of messages, was ${shown}.`, {
      remedy: 'Give a string, or [{ role, content: [...] }].',
    });
  }
  if (systemPrompt === undefined || messages.some(({ role }) => role === 'system')) {
    // A tool may go on writing in its own list.
    return [...messages];
  }
  return [{ role: 'system', content: textContent(systemPrompt) }, ...messages];
}

/** Types are stripped, not checked, so a tool can give anything. */
function isMessage(value: unknown): boolean {
  const message = value as Partial<Message> | null | undefined;
  return typeof message?.role === 'string' && Array.isArray(message.content);
}
