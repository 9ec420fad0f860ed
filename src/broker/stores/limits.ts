import { invalidInput } from '../../errors.ts';
import type { NewPayload, StoreChange } from './store.ts';

export const MAX_KEY_BYTES = 1_024;
export const MAX_VALUE_BYTES = 2 ** 20;
export const MAX_PAYLOAD_BYTES = 64 * 2 ** 20;
/** Of appends that have not settled. */
export const MAX_QUEUED_BYTES = 128 * 2 ** 20;

/** Throws invalid_input for a change that no store takes. */
export function checkChange({ put = [], remove = [] }: StoreChange): void {
  for (const [index, { key, value }] of put.entries()) {
    checkKey(`put[${index}].key`, key);
    if (value.length <= MAX_VALUE_BYTES) continue;
    throw invalidInput(`put[${index}].value`, `has ${value.length} bytes.`, {
      remedy: `A record holds at most ${MAX_VALUE_BYTES}; append the rest as a payload.`,
    });
  }
  for (const [index, key] of remove.entries()) checkKey(`remove[${index}]`, key);
}

/** Throws invalid_input for payloads that no store takes; gives their bytes in all. */
export function checkPayloads(
  payloads: readonly NewPayload[],
  limits: { readonly maxPayloadBytes: number; readonly maxQueuedBytes: number },
): number {
  let total = 0;
  for (const [index, { label, chunks }] of payloads.entries()) {
    checkKey(`payloads[${index}].label`, label);
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    if (bytes > limits.maxPayloadBytes) {
      throw invalidInput(`payloads[${index}]`, `has ${bytes} bytes.`, {
        reason: 'PAYLOAD_TOO_LARGE',
        remedy: `The store takes ${limits.maxPayloadBytes}; split it, or raise maxPayloadBytes.`,
      });
    }
    total += bytes;
  }
  if (total <= limits.maxQueuedBytes) return total;
  throw invalidInput('payloads', `have ${total} bytes in all.`, {
    reason: 'PAYLOAD_TOO_LARGE',
    remedy: `The store takes ${limits.maxQueuedBytes} at once; append them in several calls.`,
  });
}

function checkKey(field: string, key: string): void {
  const problem = problemOf(key);
  if (problem === undefined) return;
  throw invalidInput(field, problem, {
    remedy: `A key is 1 to ${MAX_KEY_BYTES} bytes of UTF-8 without NUL.`,
  });
}

function problemOf(key: string): string | undefined {
  if (key === '') return 'is empty.';
  if (key.includes('\0')) return 'holds a NUL.';
  // A lone surrogate has no UTF-8 of its own: two keys would become one.
  if (!key.isWellFormed()) return 'holds half of a character.';
  const bytes = Buffer.byteLength(key);
  return bytes > MAX_KEY_BYTES ? `has ${bytes} bytes.` : undefined;
}
