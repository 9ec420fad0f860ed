import { createContext, Script } from 'node:vm';
import { type Schema, Validator } from '@cfworker/json-schema';
import type { JsonObject, ToolDefinition } from '../messages.ts';

/** A pattern that backtracks may take for ever over text that a model made for it. */
const PATTERN_TIMEOUT_MS = 50;

interface Checker {
  readonly validator: Validator;
  /** Only regular expressions can take long, and few schemas have one. */
  readonly hasPattern: boolean;
}

/** By schema, which nobody changes: every rollout of an environment has the very same. */
const checkers = new WeakMap<JsonObject, Checker | 'unreadable'>();

/**
 * Whether arguments satisfy their tool's JSON Schema. A schema that can't be read is satisfied by nothing, and
 * so is one whose patterns take longer than 50 ms.
 */
export function satisfiesSchema({ parameters }: ToolDefinition, args: JsonObject): boolean {
  let checker = checkers.get(parameters);
  if (checker === undefined) {
    checker = compile(parameters) ?? 'unreadable';
    checkers.set(parameters, checker);
  }
  if (checker === 'unreadable') return false;
  const { validator, hasPattern } = checker;
  const check = (): boolean => validator.validate(args).valid;
  try {
    return hasPattern ? within(PATTERN_TIMEOUT_MS, check) : check();
  } catch {
    // A reference that leads nowhere, a pattern that is none or takes too long, or a depth beyond the stack.
    return false;
  }
}

function compile(schema: JsonObject): Checker | undefined {
  try {
    const validator = new Validator(schema as unknown as Schema, '2020-12');
    return { validator, hasPattern: /"pattern(Properties)?":/.test(JSON.stringify(schema)) };
  } catch {
    return undefined;
  }
}

/** Calls it, and throws when it has not returned in time: V8 interrupts even a regular expression. */
function within<Value>(timeoutMs: number, call: () => Value): Value {
  const context = createContext(Object.assign(Object.create(null), { call }));
  return new Script('call()').runInContext(context, { timeout: timeoutMs }) as Value;
}
