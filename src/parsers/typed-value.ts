import type { JsonObject } from '../messages.ts';
import { type MemberSpan, scanJson, skipJsonSpace } from './json-scanner.ts';
import { pythonLiteralJson } from './python-literal.ts';
import { type JsonType, parameterSchema, valueTypes } from './schema-types.ts';

/** How a value is read whose parameter has no schema. */
export type Untyped =
  /** JSON where it is JSON and no bare word (`true`, `null`); else text. */
  | 'text_or_json'
  /** The grammar itself says that it is no string: JSON or a Python literal; else text. */
  | 'no_string';

/** The arguments of a call as they are collected, a parameter at a time. */
export class TypedArguments {
  readonly #parameters: JsonObject | undefined;
  readonly #members = new Map<string, string>();

  /** `parameters`: the schema of the tool that is called; undefined when there is none. */
  constructor(parameters: JsonObject | undefined) {
    this.#parameters = parameters;
  }

  /** A value that is spelled without quotes, read by its schema; of a name that is repeated the last counts. */
  addText(key: string, text: string, untyped: Untyped = 'text_or_json'): void {
    const schema = parameterSchema(this.#parameters, key);
    this.addJson(key, typedValueJson(text, schema, this.#parameters, untyped));
  }

  addJson(key: string, json: string): void {
    this.#members.set(key, json);
  }

  /** The object of them, in the spacing of Python's `json.dumps`. */
  toText(): string {
    const members = [...this.#members].map(([key, json]) => `${JSON.stringify(key)}: ${json}`);
    return `{${members.join(', ')}}`;
  }
}

/**
 * The JSON of a value as its schema reads the text. A string keeps its text to the character; other
 * types are JSON in the model's own spelling, or a Python literal. Where a schema allows a string and
 * something else, the text is something else if it is that exactly, and no string that `enum` lists.
 * Text that is nothing that the schema allows stays text: it is told to the model, not guessed.
 */
export function typedValueJson(
  text: string,
  schema: unknown,
  root: JsonObject | undefined,
  untyped: Untyped = 'text_or_json',
): string {
  const { types, strings } = valueTypes(schema, root);
  if (types === undefined) {
    const json = untyped === 'no_string' ? literalJson(text) : wholeJson(text);
    const isWord = json !== undefined && /^[tfn]/.test(json);
    return json === undefined || (isWord && untyped === 'text_or_json')
      ? JSON.stringify(text)
      : json;
  }
  const isString = types.has('string');
  if (isString && (types.size === 1 || strings.has(text))) return JSON.stringify(text);
  const json = literalJson(text);
  if (json === undefined) return JSON.stringify(text);
  return !isString || isOneOf(json, types) ? json : JSON.stringify(text);
}

/** A text that is JSON, or else a Python literal, space around it aside. */
function literalJson(text: string): string | undefined {
  return wholeJson(text) ?? pythonLiteralJson(text);
}

/** The text itself where it is JSON, without the space around it. */
function wholeJson(text: string): string | undefined {
  const start = skipJsonSpace(text, 0);
  const scan = scanJson(text, start);
  if (scan.kind !== 'complete' || skipJsonSpace(text, scan.end) < text.length) return undefined;
  return text.slice(start, scan.end);
}

/** Whether JSON is of one of the types, strings aside. */
function isOneOf(json: string, types: ReadonlySet<JsonType>): boolean {
  switch (json[0]) {
    case '"':
      return false;
    case '{':
      return types.has('object');
    case '[':
      return types.has('array');
    case 't':
    case 'f':
      return types.has('boolean');
    case 'n':
      return types.has('null');
    default:
      return types.has('number') || (types.has('integer') && /^-?\d+(?:\.0+)?$/.test(json));
  }
}

/** An argument to be spelled: what the value says, where it is a string, and its JSON. */
export interface SpelledArgument {
  readonly key: string;
  readonly json: string;
  readonly string: string | undefined;
}

/** The arguments of a JSON object, each value's text as it is; undefined where the text is none. */
export function argumentsOf(argumentsText: string): readonly SpelledArgument[] | undefined {
  const members: MemberSpan[] = [];
  const start = skipJsonSpace(argumentsText, 0);
  const scan = scanJson(argumentsText, start, members);
  if (argumentsText[start] !== '{' || scan.kind !== 'complete') return undefined;
  if (skipJsonSpace(argumentsText, scan.end) < argumentsText.length) return undefined;
  const found = new Map<string, string>();
  for (const { key, value } of members) {
    found.set(
      JSON.parse(argumentsText.slice(key.start, key.end)) as string,
      argumentsText.slice(value.start, value.end),
    );
  }
  return [...found].map(([key, json]) => ({
    key,
    json,
    string: json.startsWith('"') ? (JSON.parse(json) as string) : undefined,
  }));
}

/**
 * The same for grammars that can spell nothing but objects: of another text none, which is read back as
 * other arguments than these, so that the call is shown and not spelled.
 */
export function spelledArguments(argumentsText: string): readonly SpelledArgument[] {
  return argumentsOf(argumentsText) ?? [];
}
