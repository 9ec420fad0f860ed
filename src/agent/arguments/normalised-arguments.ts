import type { JsonObject } from '../../messages.ts';

/**
 * `safe`: drift is coerced, what is cut off or no JSON is refused. `seed`: everything is coerced and
 * run, as the Hermes agent did.
 */
export type ArgumentProfile = 'safe' | 'seed';

/** What became of a call's argument text. */
export type NormalisedArguments =
  | {
      readonly kind: 'ready';
      readonly arguments: JsonObject;
      /** As the seed counts it: decoded directly to an object (of `terminal`: with a command). */
      readonly schemaValid: boolean;
      /** The object was made by wrapping, unwrapping or filling in. */
      readonly coerced: boolean;
      /** The text was mended before it parsed. */
      readonly repaired: boolean;
    }
  /** Never run; `message` tells the model what to do instead. */
  | { readonly kind: 'refused'; readonly message: string };

export function ready(
  args: JsonObject,
  flags: {
    readonly schemaValid?: boolean;
    readonly coerced?: boolean;
    readonly repaired?: boolean;
  },
): NormalisedArguments {
  const { schemaValid = false, coerced = false, repaired = false } = flags;
  return { kind: 'ready', arguments: args, schemaValid, coerced, repaired };
}

export function refused(message: string): NormalisedArguments {
  return { kind: 'refused', message };
}

/** The tool whose arguments the seed looks into. */
export const TERMINAL = 'terminal';

/** The seed's notion of valid for an object that came directly: only `terminal` must have more. */
export function isSeedValid(toolName: string, args: JsonObject): boolean {
  if (toolName !== TERMINAL) return true;
  const command = args['command'];
  return typeof command === 'string' && pythonStrip(command) !== '';
}

// What Python calls white space, beside what JavaScript does: the separators and U+0085, not U+FEFF.
const PYTHON_SPACE = '[\\s\\x1c-\\x1f\\x85]';
const PYTHON_ENDS = new RegExp(`^(?!\\ufeff)${PYTHON_SPACE}+|(?!\\ufeff)${PYTHON_SPACE}+$`, 'g');

/** Python's `str.strip()`. */
export function pythonStrip(text: string): string {
  return text.replace(PYTHON_ENDS, '');
}
