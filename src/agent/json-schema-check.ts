import { createContext, Script } from 'node:vm';
import { type Schema, Validator } from '@cfworker/json-schema';
import type { JsonObject, ToolDefinition } from '../messages.ts';

/** A pattern that backtracks may take for ever over text that a model made for it. */
const PATTERN_TIMEOUT_MS = 50;

type Check = (args: JsonObject) => boolean;

/** By schema, which nobody changes: every rollout of an environment has the very same. */
const checks = new WeakMap<JsonObject, Check>();

/**
 * Whether arguments satisfy their tool's JSON Schema. A schema that can't be read is satisfied by nothing, and
 * so is one whose patterns take longer than 50 ms.
 */
export function satisfiesSchema({ parameters }: ToolDefinition, args: JsonObject): boolean {
  let check = checks.get(parameters);
  if (check === undefined) {
    check = compile(parameters);
    checks.set(parameters, check);
  }
  try {
    return check(args);
  } catch {
    // A reference that leads nowhere, a pattern that is none or takes too long, or a depth beyond the stack.
    return false;
  }
}

function compile(schema: JsonObject): Check {
  try {
    const validator = new Validator(schema as unknown as Schema, '2020-12');
    const check: Check = (args) => validator.validate(args).valid;
    // Only regular expressions can take long, and few schemas have one.
    const hasPattern = /"pattern(Properties)?":/.test(JSON.stringify(schema));
    return hasPattern ? within(PATTERN_TIMEOUT_MS, check) : check;
  } catch {
    return () => false;
  }
}

/** Throws when it has not returned in time: V8 interrupts even a regular expression, of code that it runs itself. */
function within(timeoutMs: number, check: Check): Check {
  const calling: { args?: JsonObject; check: Check } = { check };
  const context = createContext(calling);
  const script = new Script('check(args)');
  return (args) => {
    calling.args = args;
    try {
      return script.runInContext(context, { timeout: timeoutMs }) as boolean;
    } finally {
      delete calling.args;
    }
  };
}
