import { isJsonObject, type JsonObject, type JsonValue } from '../messages.ts';

export type JsonType = 'string' | 'number' | 'integer' | 'boolean' | 'null' | 'array' | 'object';

/** What a schema lets a value be. */
export interface ValueTypes {
  /** Undefined: anything. */
  readonly types: ReadonlySet<JsonType> | undefined;
  /** The strings that its `enum` or `const` lists. */
  readonly strings: ReadonlySet<string>;
}

const ANYTHING: ValueTypes = { types: undefined, strings: new Set() };
const TYPES: ReadonlySet<unknown> = new Set<JsonType>([
  'string',
  'number',
  'integer',
  'boolean',
  'null',
  'array',
  'object',
]);

/** The schema of one parameter: the property's own, else that of additional ones. */
export function parameterSchema(parameters: JsonObject | undefined, key: string): unknown {
  const properties = parameters?.['properties'];
  if (isJsonObject(properties) && Object.hasOwn(properties, key)) return properties[key];
  return parameters?.['additionalProperties'];
}

/**
 * Which types a schema allows. The first of these that says something decides: `$ref` (into `root`),
 * `type` (one or a list), `enum` or `const` (the types of its values), `anyOf` and `oneOf` (all of
 * their types), `allOf` (the types of those that name any).
 */
export function valueTypes(schema: unknown, root: JsonObject | undefined): ValueTypes {
  return typesOf(schema, root, new Set());
}

function typesOf(schema: unknown, root: JsonObject | undefined, seen: Set<string>): ValueTypes {
  if (!isJsonObject(schema)) return ANYTHING;
  const { $ref: ref, type, enum: listed, const: only, anyOf, oneOf, allOf } = schema;
  if (typeof ref === 'string') {
    // A reference that comes back to itself says nothing, nor does one that was followed already.
    if (seen.has(ref)) return ANYTHING;
    seen.add(ref);
    const found = typesOf(resolve(ref, root), root, seen);
    if (found.types !== undefined) return found;
  }
  const values = Array.isArray(listed) ? listed : only === undefined ? [] : [only];
  const strings = new Set(values.filter((value) => typeof value === 'string'));
  const named = (Array.isArray(type) ? type : [type]).filter((each) => TYPES.has(each));
  if (named.length > 0) return { types: new Set(named as JsonType[]), strings };
  if (values.length > 0) return { types: new Set(values.map(typeOfValue)), strings };
  const choices = [anyOf, oneOf].flatMap((each) => (Array.isArray(each) ? each : []));
  if (choices.length > 0) return union(choices.map((each) => typesOf(each, root, seen)));
  const parts = (Array.isArray(allOf) ? allOf : [])
    .map((each) => typesOf(each, root, seen))
    .filter(({ types }) => types !== undefined);
  return parts.length === 0 ? ANYTHING : union(parts);
}

function union(all: readonly ValueTypes[]): ValueTypes {
  const types = new Set<JsonType>();
  const strings = new Set<string>();
  for (const each of all) {
    if (each.types === undefined) return ANYTHING;
    for (const type of each.types) types.add(type);
    for (const string of each.strings) strings.add(string);
  }
  return { types, strings };
}

function resolve(ref: string, root: JsonObject | undefined): unknown {
  if (!ref.startsWith('#')) return undefined;
  let found: unknown = root;
  for (const part of ref.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return undefined;
    found = (found as Record<string, unknown>)[key];
  }
  return found;
}

function typeOfValue(value: JsonValue): JsonType {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value === 'object' ? 'object' : (typeof value as 'string' | 'boolean');
}
