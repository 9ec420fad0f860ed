import { invalidInput } from '../../errors.ts';
import type { JsonObject } from '../../messages.ts';

/** An argument that must be a text. */
export function textArgument(args: JsonObject, name: string): string {
  const value = args[name];
  if (typeof value === 'string') return value;
  throw invalidInput(name, value === undefined ? 'is missing.' : 'is no text.');
}

/** An argument that may be left out. */
export function optionalText(args: JsonObject, name: string): string | undefined {
  const value = args[name];
  return value === undefined || value === null || value === ''
    ? undefined
    : textArgument(args, name);
}

/** A whole number within bounds; what is left out is the default, and what is too large the largest. */
export function wholeArgument(
  args: JsonObject,
  name: string,
  bounds: { readonly default: number; readonly min: number; readonly max: number },
): number {
  const value = args[name] ?? bounds.default;
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    throw invalidInput(name, 'is no number.');
  }
  return Math.min(Math.max(Math.floor(value), bounds.min), bounds.max);
}

export function flagArgument(args: JsonObject, name: string): boolean {
  const value = args[name] ?? false;
  if (typeof value !== 'boolean') throw invalidInput(name, 'is neither true nor false.');
  return value;
}

/** One of some words. */
export function choiceArgument<Choice extends string>(
  args: JsonObject,
  name: string,
  choices: readonly Choice[],
  fallback?: Choice,
): Choice {
  const value = args[name] ?? fallback;
  const found = choices.find((choice) => choice === value);
  if (found !== undefined) return found;
  throw invalidInput(name, `is none of ${choices.map((choice) => `"${choice}"`).join(', ')}.`);
}
