/**
 * Finds where a JSON value ends without building it, so that the model's own spelling can be kept.
 * Iterative (depth costs a byte of stack, never a frame) and linear: no character is read twice.
 */

/** A half-open range of the scanned text, in UTF-16 units. */
export interface TextSpan {
  readonly start: number;
  readonly end: number;
}

export type JsonScan =
  | { readonly kind: 'complete'; readonly end: number }
  /** The text ended inside the value. */
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'invalid'; readonly offset: number };

/** A member of a scanned object: the key's and the value's spans. */
export interface MemberSpan {
  readonly key: TextSpan;
  readonly value: TextSpan;
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids them in strings
const STRING_RUN = /[^"\\\u0000-\u001f]*/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const PARTIAL_ESCAPE = /\\(?:u[0-9a-fA-F]{0,3})?$/y;
const PARTIAL_NUMBER = /(?:-|\.|[eE][+-]?)$/y;
const LITERALS = ['true', 'false', 'null'];

/** The first position at or after `at` that is no JSON white space. */
export function skipJsonSpace(text: string, at: number): number {
  let position = at;
  while (position < text.length && ' \n\r\t'.includes(text[position] as string)) position += 1;
  return position;
}

/**
 * Scans one strict JSON value that starts at `start` (no leading space). With `members`, the members
 * of the outermost object are appended to it as they end.
 */
export function scanJson(text: string, start: number, members?: MemberSpan[]): JsonScan {
  /** The open containers: `{` or `[`. */
  const open: ('{' | '[')[] = [];
  let position = start;
  let key: TextSpan | undefined;
  let valueStart = start;
  /** What may come next. `value_or_end` and `key_or_end` follow an opening bracket. */
  let expect: 'value' | 'value_or_end' | 'key' | 'key_or_end' | 'after' = 'value';

  for (;;) {
    position = skipJsonSpace(text, position);
    const character = text[position];
    if (character === undefined) return { kind: 'incomplete' };

    if (expect === 'key' || expect === 'key_or_end') {
      if (character === '}' && expect === 'key_or_end') {
        expect = 'after';
        open.pop();
        position += 1;
      } else {
        if (character !== '"') return { kind: 'invalid', offset: position };
        const scalar = scanString(text, position);
        if (scalar.kind !== 'complete') return scalar;
        if (open.length === 1) key = { start: position, end: scalar.end };
        position = skipJsonSpace(text, scalar.end);
        if (position >= text.length) return { kind: 'incomplete' };
        if (text[position] !== ':') return { kind: 'invalid', offset: position };
        position = skipJsonSpace(text, position + 1);
        if (open.length === 1) valueStart = position;
        expect = 'value';
        continue;
      }
    } else if (expect === 'after') {
      const container = open.at(-1);
      if (character === ',') {
        expect = container === '{' ? 'key' : 'value';
        position += 1;
        continue;
      }
      if (character !== (container === '{' ? '}' : ']'))
        return { kind: 'invalid', offset: position };
      open.pop();
      position += 1;
    } else if (character === '{' || character === '[') {
      open.push(character);
      expect = character === '{' ? 'key_or_end' : 'value_or_end';
      position += 1;
      continue;
    } else if (character === ']' && expect === 'value_or_end') {
      expect = 'after';
      open.pop();
      position += 1;
    } else {
      const scalar = character === '"' ? scanString(text, position) : scanPlain(text, position);
      if (scalar.kind !== 'complete') return scalar;
      position = scalar.end;
      expect = 'after';
    }

    // A value has just ended at `position`.
    if (open.length === 0) return { kind: 'complete', end: position };
    expect = 'after';
    if (open.length === 1 && open[0] === '{' && key !== undefined) {
      members?.push({ key, value: { start: valueStart, end: position } });
      key = undefined;
    }
  }
}

function scanString(text: string, start: number): JsonScan {
  let position = start + 1;
  for (;;) {
    STRING_RUN.lastIndex = position;
    STRING_RUN.test(text);
    position = STRING_RUN.lastIndex;
    const character = text[position];
    if (character === undefined) return { kind: 'incomplete' };
    if (character === '"') return { kind: 'complete', end: position + 1 };
    ESCAPE.lastIndex = position;
    if (!ESCAPE.test(text)) {
      PARTIAL_ESCAPE.lastIndex = position;
      return PARTIAL_ESCAPE.test(text)
        ? { kind: 'incomplete' }
        : { kind: 'invalid', offset: position };
    }
    position = ESCAPE.lastIndex;
  }
}

/** A number, `true`, `false` or `null`. */
function scanPlain(text: string, start: number): JsonScan {
  for (const literal of LITERALS) {
    if (text.startsWith(literal, start)) return { kind: 'complete', end: start + literal.length };
    const rest = text.length - start;
    if (rest < literal.length && literal.startsWith(text.slice(start)))
      return { kind: 'incomplete' };
  }
  NUMBER.lastIndex = start;
  const isNumber = NUMBER.test(text);
  const end = isNumber ? NUMBER.lastIndex : start;
  PARTIAL_NUMBER.lastIndex = end;
  if (PARTIAL_NUMBER.test(text)) return { kind: 'incomplete' };
  return isNumber ? { kind: 'complete', end } : { kind: 'invalid', offset: start };
}
