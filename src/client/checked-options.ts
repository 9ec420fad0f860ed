import { invalidInput } from '../errors.ts';

/** The most that the contract's int32 holds. */
const MAX_INT32 = 2 ** 31 - 1;

/** Whether it is a sensible number is the server's to say; this is whether it can be sent at all. */
export function whole(field: string, value: unknown): void {
  if (Number.isInteger(value) && Number(value) >= 0 && Number(value) <= MAX_INT32) return;
  throw invalidInput(field, `is ${shown(value)}; a whole number of 0 to ${MAX_INT32} is needed.`);
}

/** Refuses a name that an option does not have. */
export function known(field: string, value: unknown, keys: readonly string[]): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidInput(field, `must be an object of ${keys.join(', ')}.`);
  }
  const unknown = Object.keys(value).find((key) => !keys.includes(key));
  if (unknown === undefined) return;
  throw invalidInput(`${field}.${unknown}`, 'is not known.', {
    remedy: `It may have: ${keys.join(', ')}.`,
  });
}

/** A value as an error shows it. */
export function shown(value: unknown): string {
  if (value === undefined) return 'missing';
  return typeof value === 'string' ? `the text "${value}"` : String(value);
}
