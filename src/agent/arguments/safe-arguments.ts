import { isJsonObject, type JsonObject, type ToolDefinition } from '../../messages.ts';
import { isSeedValid, type NormalisedArguments, ready, refused } from './normalised-arguments.ts';
import { repairJson } from './repair-json.ts';

/** A stringified object may be stringified again; nobody means it deeper than this. */
const MAX_UNWRAPS = 3;
/** How text begins that means to be JSON, cut off or not, or a fenced block of it. */
const LOOKS_LIKE_JSON = /^(?:[{["]|```|`{1,2}$)/;

/**
 * The default profile. Empty text is `{}`; an object is taken as it is, also when it was
 * stringified; text that means to be JSON but isn't is mended or refused, and never run when it was
 * cut off; plain text goes to the
 * tool's single string parameter, or is refused when it has none.
 */
export function normaliseSafely(text: string, tool: ToolDefinition): NormalisedArguments {
  const trimmed = text.trim();
  if (trimmed === '') return ready({}, { coerced: true });
  const direct = decode(text);
  const first = direct.ok ? direct : decode(trimmed);
  if (first.ok && isJsonObject(first.value)) {
    const schemaValid = direct.ok && isSeedValid(tool.name, first.value);
    return ready(first.value, { schemaValid, repaired: !direct.ok });
  }
  if (first.ok) return coerce(first.value, trimmed, tool);
  const mended = repairJson(trimmed);
  return mended === undefined ? coerceText(trimmed, tool) : ready(mended, { repaired: true });
}

/** A value that decoded to something else than an object. */
function coerce(value: unknown, source: string, tool: ToolDefinition): NormalisedArguments {
  if (value === null) return ready({}, { coerced: true });
  if (typeof value === 'string') return unwrap(value, tool);
  if (Array.isArray(value)) return refused(notAnObject(tool, 'a list'));
  // A bare number or boolean is text to a tool that takes one string.
  return coerceText(source, tool);
}

/** A JSON string: a stringified object, or plain text in quotes. */
function unwrap(text: string, tool: ToolDefinition): NormalisedArguments {
  let inner = text;
  for (let unwraps = 0; unwraps < MAX_UNWRAPS; unwraps += 1) {
    if (inner.trim() === '') return ready({}, { coerced: true });
    const decoded = decode(inner.trim());
    if (!decoded.ok) break;
    if (isJsonObject(decoded.value)) return ready(decoded.value, { coerced: true });
    if (typeof decoded.value !== 'string') break;
    inner = decoded.value;
  }
  return coerceText(inner, tool);
}

function coerceText(text: string, tool: ToolDefinition): NormalisedArguments {
  if (LOOKS_LIKE_JSON.test(text.trimStart())) {
    const isList = decode(text.trim()).ok;
    return refused(isList ? notAnObject(tool, 'a list') : notParsed(tool));
  }
  const parameter = singleStringParameter(tool.parameters);
  if (parameter === undefined) return refused(notAnObject(tool, 'plain text'));
  return ready({ [parameter]: text }, { coerced: true });
}

/**
 * The one parameter that plain text can mean: the only required one, or the only one when none is
 * required, if it is a string. Undefined when there is no such parameter.
 */
export function singleStringParameter(schema: JsonObject): string | undefined {
  const properties = schema['properties'];
  if (!isJsonObject(properties)) return undefined;
  const required = Array.isArray(schema['required']) ? schema['required'] : [];
  const candidates = required.length > 0 ? required : Object.keys(properties);
  const [name] = candidates;
  if (candidates.length !== 1 || typeof name !== 'string' || !Object.hasOwn(properties, name)) {
    return undefined;
  }
  const property = properties[name];
  return isJsonObject(property) && property['type'] === 'string' ? name : undefined;
}

function decode(
  text: string,
): { readonly ok: true; readonly value: unknown } | { readonly ok: false } {
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch {
    return { ok: false };
  }
}

function notParsed(tool: ToolDefinition): string {
  return `The arguments of '${tool.name}' are not valid JSON (cut off or misspelled); it was not run. Call it again with one complete JSON object.`;
}

function notAnObject(tool: ToolDefinition, given: string): string {
  const properties = tool.parameters['properties'];
  const names = isJsonObject(properties) ? Object.keys(properties) : [];
  const keys = names.length === 0 ? '' : ` with the keys: ${names.join(', ')}`;
  return `The arguments of '${tool.name}' must be a JSON object${keys}. They were ${given}; it was not run.`;
}
