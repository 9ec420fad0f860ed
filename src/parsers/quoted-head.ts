import type { TagHead } from './tagged-calls.ts';

const BARE = /^[^\s"']+$/;
const ATTRIBUTES = [
  [' string="true"', 'string'],
  [' string="false"', 'no_string'],
] as const;

/** The head of a tag that ends `name=`: a quoted name, and whether the value is a string where it says so. */
export function quotedHead(head: string): TagHead | undefined {
  const whole = head.trimEnd();
  const [attribute = '', value] = ATTRIBUTES.find(([each]) => whole.endsWith(each)) ?? [];
  const quoted = whole.slice(0, whole.length - attribute.length).trimEnd();
  const name = unquoted(quoted);
  if (name === undefined) return undefined;
  return value === undefined ? { name } : { name, value };
}

function unquoted(text: string): string | undefined {
  const quote = text[0];
  if (quote !== '"' && quote !== "'") return BARE.test(text) ? text : undefined;
  return text.length > 1 && text.endsWith(quote) ? text.slice(1, -1) : undefined;
}
