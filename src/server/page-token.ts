import { invalidInput } from '../errors.ts';

/** An opaque token for the position at which the next page begins. */
export function encodePageToken(position: number): string {
  return Buffer.from(`p1:${position}`).toString('base64url');
}

/** The position; 0 for the empty token. Throws `invalid_input` for what no page gave. */
export function decodePageToken(token: string): number {
  if (token === '') return 0;
  const match = /^p1:(\d{1,15})$/.exec(Buffer.from(token, 'base64url').toString());
  if (match?.[1] === undefined) {
    throw invalidInput('page_token', 'is not one that a previous page gave.');
  }
  return Number(match[1]);
}
