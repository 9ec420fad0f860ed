import { isJsonObject, type JsonObject, type JsonValue } from '../../messages.ts';
import {
  isSeedValid,
  type NormalisedArguments,
  pythonStrip,
  ready,
  refused,
  TERMINAL,
} from './normalised-arguments.ts';
import { parsePythonJson, toJsonValue } from './python-json.ts';
import { pythonStr } from './python-spelling.ts';

/**
 * The Hermes agent's own rules, also where they are odd (a cut-off object becomes a shell command):
 * for policies that were trained with them. Refuses only where the seed crashed.
 */
export function normaliseAsSeed(text: string, toolName: string): NormalisedArguments {
  const wrap = (value: JsonValue, command: string): NormalisedArguments =>
    ready(toolName === TERMINAL ? { command } : { input: value }, { coerced: true });

  const parsed = parsePythonJson(text);
  if (parsed.kind === 'limit') {
    return refused(
      `The arguments of '${toolName}' are nested too deeply or too large; it was not run.`,
    );
  }
  if (parsed.kind === 'syntax') return wrap(text, text);

  const { value } = parsed;
  const decoded = toJsonValue(value);
  if (isJsonObject(decoded)) return ofObject(decoded, toolName);
  if (typeof decoded === 'string') {
    const stripped = pythonStrip(decoded);
    if (isBracketed(stripped)) {
      const again = parsePythonJson(stripped);
      if (again.kind === 'limit') {
        return refused(
          `The arguments of '${toolName}' are nested too deeply or too large; it was not run.`,
        );
      }
      const inner = again.kind === 'value' ? toJsonValue(again.value) : undefined;
      if (isJsonObject(inner)) return ready(inner, { coerced: true });
    }
    return wrap(decoded, decoded);
  }
  return wrap(decoded, pythonStr(value));
}

function isBracketed(text: string): boolean {
  return (
    (text.startsWith('{') && text.endsWith('}')) || (text.startsWith('[') && text.endsWith(']'))
  );
}

function ofObject(args: JsonObject, toolName: string): NormalisedArguments {
  const schemaValid = isSeedValid(toolName, args);
  const input = args['input'];
  if (!schemaValid && typeof input === 'string') {
    return ready({ command: input }, { coerced: true });
  }
  return ready(args, { schemaValid });
}
