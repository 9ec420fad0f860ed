import { invalidInput } from '../../errors.ts';

const LEGAL = /^[A-Za-z0-9._:/@=+-]+$/;
const MAX_ID_LENGTH = 256;

/** An id as it may stand in a path, a log line or a key of a store. Throws naming the field. */
export function assertId(id: string, field: string): void {
  if (id !== '' && id.length <= MAX_ID_LENGTH && LEGAL.test(id)) return;
  throw invalidInput(
    field,
    id === ''
      ? 'is empty.'
      : id.length > MAX_ID_LENGTH
        ? `is ${id.length} characters long; at most ${MAX_ID_LENGTH} are allowed.`
        : `is ${JSON.stringify(id)}; letters, digits and . _ : / @ = + - are allowed.`,
    { reason: 'ILLEGAL_ID' },
  );
}

/** As {@link assertId}, where empty means none. */
export function assertOptionalId(id: string, field: string): void {
  if (id !== '') assertId(id, field);
}

/** A run's id, which is also a directory's and a stream's name: `.`, `_`, `-`, at most 64 characters. */
export function assertRunId(id: string, field: string): void {
  if (/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$/.test(id)) return;
  throw invalidInput(
    field,
    `is ${JSON.stringify(id)}; 1 to 64 letters, digits, \`.\`, \`_\` and \`-\` are allowed, not beginning with a dot.`,
    { reason: 'ILLEGAL_ID' },
  );
}
