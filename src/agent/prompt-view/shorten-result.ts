import { type ToolMessage, textContent, textOf } from '../../messages.ts';
import { withoutMiddle } from '../without-middle.ts';

/** Code points that are kept of a shortened result. */
const KEPT_FIRST = 400;
const KEPT_LAST = 200;

/**
 * A result's beginning and end with a line between them that says how much is missing; parts that are
 * no text go. The message itself when that would not be shorter.
 */
export function shortenResult(message: ToolMessage): ToolMessage {
  const text = textOf(message);
  const others = message.content.filter(({ kind }) => kind !== 'text').length;
  const short = withoutMiddle(text, KEPT_FIRST, KEPT_LAST, others);
  return short === text ? message : { ...message, content: textContent(short) };
}
