import { type Schema, Validator } from '@cfworker/json-schema';
import type { HostedEnvironment } from '../../environment/index.ts';
import { errorMessage } from '../../errors.ts';
import { isJsonObject, type JsonValue } from '../../messages.ts';
import { type Check, checked, type Failure } from './check.ts';

const TYPES = new Set(['object', 'array', 'string', 'number', 'integer', 'boolean', 'null']);
const SUBSCHEMA = ['items', 'additionalProperties', 'not', 'if', 'then', 'else', 'contains'];
const SUBSCHEMA_LISTS = ['anyOf', 'oneOf', 'allOf', 'prefixItems'];
const SUBSCHEMA_MAPS = ['properties', '$defs', 'definitions', 'patternProperties'];

/** The schemas that a model is told: a slip in one (a type misspelled, a name required that is nowhere) makes every call wrong. */
export function checkTools({ definition }: HostedEnvironment): Check {
  const tools = definition.tools ?? [];
  const failures = tools.flatMap(({ definition: { name, parameters } }): Failure[] => {
    const problems = [...schemaProblems(parameters, 'parameters')];
    try {
      new Validator(parameters as Schema, '2020-12', false).validate({});
    } catch (error) {
      problems.push(errorMessage(error));
    }
    return problems.map((reason) => ({ subject: `tool ${name}`, reason }));
  });
  return checked('tools', tools.length === 0 ? 'it has none' : `${tools.length} schemas`, failures);
}

/** What is wrong with the shape of a JSON Schema, with the path of each place. */
export function* schemaProblems(schema: JsonValue | undefined, path: string): Generator<string> {
  if (typeof schema === 'boolean' || schema === undefined) return;
  if (!isJsonObject(schema)) {
    yield `${path} is no schema: ${JSON.stringify(schema)}`;
    return;
  }
  const { type, enum: values, required, properties } = schema;
  for (const each of type === undefined ? [] : Array.isArray(type) ? type : [type]) {
    if (!TYPES.has(String(each))) yield `${path}.type is ${JSON.stringify(each)}, which is no type`;
  }
  if (values !== undefined && !(Array.isArray(values) && values.length > 0)) {
    yield `${path}.enum must be a list of at least one value`;
  }
  if (required !== undefined && !Array.isArray(required)) yield `${path}.required must be a list`;
  for (const name of Array.isArray(required) ? required : []) {
    if (!isJsonObject(properties) || !Object.hasOwn(properties, String(name))) {
      yield `${path}.required names ${JSON.stringify(name)}, which is no property`;
    }
  }
  for (const key of SUBSCHEMA) yield* schemaProblems(schema[key], `${path}.${key}`);
  for (const key of SUBSCHEMA_LISTS) {
    const list = schema[key];
    for (const [i, each] of (Array.isArray(list) ? list : []).entries()) {
      yield* schemaProblems(each, `${path}.${key}[${i}]`);
    }
  }
  for (const key of SUBSCHEMA_MAPS) {
    const map = schema[key];
    if (map === undefined) continue;
    if (!isJsonObject(map)) yield `${path}.${key} must be an object`;
    else {
      for (const [name, each] of Object.entries(map)) {
        yield* schemaProblems(each, `${path}.${key}.${name}`);
      }
    }
  }
}
