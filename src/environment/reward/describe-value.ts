import { clipText, errorMessage } from '../../errors.ts';

const MAX_BYTES = 80;

/** Anything in a few words, its type where that is what is wrong: a text, a Map, nothing. Never throws. */
export function describeValue(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return `the text ${clipText(JSON.stringify(value), MAX_BYTES)}`;
  try {
    const kind = typeof value === 'object' ? kindOf(value) : typeof value;
    if (kind !== undefined) return clipText(`a ${kind}: ${errorMessage(value)}`, MAX_BYTES);
    const text = JSON.stringify(value);
    if (text !== undefined) return clipText(text, MAX_BYTES);
  } catch {
    // An object in a circle, or one that does not want to be looked at.
  }
  return clipText(`${typeof value} ${errorMessage(value)}`, MAX_BYTES);
}

/** The class of an object that JSON would show as a plain one, or not at all. */
function kindOf(value: object | null): string | undefined {
  if (value === null || Array.isArray(value)) return undefined;
  const made: unknown = value.constructor;
  return typeof made === 'function' && made !== Object && made.name !== '' ? made.name : undefined;
}
