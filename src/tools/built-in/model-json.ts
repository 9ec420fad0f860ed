import type { JsonObject } from '../../messages.ts';

/** What a template or a tokenizer may read as its own: the end of a tool's result, a control token. */
const FORGERIES = /<(?=\/?tool_(?:response|call)|\||\uff5c)/g;

/**
 * A result as JSON in which nothing of a program's output closes the result early or spells a control token.
 * The escapes are JSON's own, so a reader of the JSON finds the very text.
 */
export function modelJson(result: JsonObject): string {
  return JSON.stringify(result).replace(FORGERIES, '\\u003c');
}
