import { type AssistantMessage, textOf } from '../../messages.ts';
import { bare } from '../managed/text-agreement.ts';
import type { CompletionRequest } from '../model-server.ts';

/**
 * Whether a text, which has markup around it and between, can be the one that a server's parsers made this
 * message of. Parsers cut text and spell arguments anew, so what they leave as it was is looked for: what is
 * said, the names of calls, and the letters and digits of each string among their arguments.
 */
export function spells(
  text: string,
  message: AssistantMessage,
  toolChoice: CompletionRequest['toolChoice'],
): boolean {
  const { reasoning = '', toolCalls } = message;
  const written = bare(text);
  const said = bare(textOf(message));
  // Beside calls and reasoning, it may be put together of several pieces.
  const isWhole = toolCalls.length === 0 && reasoning === '';
  if (isWhole ? !written.includes(said) : !isWithin(said, written)) return false;
  if (!isWithin(bare(reasoning), written)) return false;
  const letters = lettersOf(text);
  return toolCalls.every(
    ({ name, argumentsText }) =>
      // A call that was forced is not named in the text.
      (toolChoice === 'required' || isWithin(lettersOf(name), letters)) &&
      stringsOf(argumentsText).every((string) => isWithin(lettersOf(string), letters)),
  );
}

/** Whether all characters of a text stand in another in this order. */
function isWithin(text: string, other: string): boolean {
  let at = 0;
  for (const character of text) {
    const found = other.indexOf(character, at);
    if (found < 0) return false;
    at = found + character.length;
  }
  return true;
}

/** What no escape and no quote changes. */
function lettersOf(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9]/g, '');
}

/** The strings and keys of JSON; none of a text that is no JSON. */
function stringsOf(argumentsText: string): string[] {
  const strings: string[] = [];
  try {
    JSON.parse(argumentsText, (key, value: unknown) => {
      strings.push(key);
      if (typeof value === 'string') strings.push(value);
      return null;
    });
  } catch {
    return [];
  }
  // Places in lists are keys too, and stand nowhere.
  return strings.filter((string) => !/^\d+$/.test(string));
}
