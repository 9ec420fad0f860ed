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
/** Adds nothing to a choice: a reference to what is being read, or a schema beyond the bounds. */
const NOTHING: ValueTypes = { types: new Set(), strings: new Set() };
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

/** A schema beyond these bounds says no more than it has said up to there. */
const MAX_DEPTH = 200;
const MAX_VISITS = 1_000;

/**
 * Which types a schema allows. The first of these that says something decides: `$ref` (into `root`),
 * `type` (one or a list), `enum` or `const` (the types of its values), `anyOf` and `oneOf` (all of
 * their types), `allOf` (the types of those that name any).
 */
export function valueTypes(schema: unknown, root: JsonObject | undefined): ValueTypes {
  const found = typesOf(schema, { root, byRef: new Map(), visits: 0 }, 0);
  return found === NOTHING ? ANYTHING : found;
}

/** One question: what its references were found to say, each followed once. */
interface Search {
  readonly root: JsonObject | undefined;
  readonly byRef: Map<string, ValueTypes>;
  visits: number;
}

function typesOf(schema: unknown, search: Search, depth: number): ValueTypes {
  search.visits += 1;
  if (depth > MAX_DEPTH || search.visits > MAX_VISITS) return NOTHING;
  if (!isJsonObject(schema)) return ANYTHING;
  const { $ref: ref, type, enum: listed, const: only, anyOf, oneOf, allOf } = schema;
  const referred = typeof ref === 'string' ? typesOfRef(ref, search, depth) : ANYTHING;
  if (saysSomething(referred)) return referred;
  const values = Array.isArray(listed) ? listed : only === undefined ? [] : [only];
  const strings = new Set(values.filter((value) => typeof value === 'string'));
  const named = (Array.isArray(type) ? type : [type]).filter((each) => TYPES.has(each));
  if (named.length > 0) return { types: new Set(named as JsonType[]), strings };
  if (values.length > 0) return { types: new Set(values.map(typeOfValue)), strings };
  const choices = [anyOf, oneOf].flatMap((each) => (Array.isArray(each) ? each : []));
  if (choices.length > 0) return union(choices.map((each) => typesOf(each, search, depth + 1)));
  const parts = (Array.isArray(allOf) ? allOf : []).map((each) => typesOf(each, search, depth + 1));
  return parts.some(saysSomething) ? union(parts.filter(saysSomething)) : referred;
}

function typesOfRef(ref: string, search: Search, depth: number): ValueTypes {
  const known = search.byRef.get(ref);
  if (known !== undefined) return known;
  // What comes back to itself adds nothing to what it says elsewhere.
  search.byRef.set(ref, NOTHING);
  const found = typesOf(resolve(ref, search.root), search, depth + 1);
  search.byRef.set(ref, found);
  return found;
}

function saysSomething(found: ValueTypes): boolean {
  return found !== NOTHING && found.types !== undefined;
}

function union(all: readonly ValueTypes[]): ValueTypes {
  const types = new Set<JsonType>();
  const strings = new Set<string>();
  for (const each of all) {
    if (each.types === undefined) return ANYTHING;
    for (const type of each.types) types.add(type);
    for (const string of each.strings) strings.add(string);
  }
  return types.size === 0 ? NOTHING : { types, strings };
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
