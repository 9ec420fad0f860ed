/**
 * What a model is told when a tool gives no result of its own. The wording is the seed's where the
 * seed has one, so that policies trained on either read the same.
 */

import { errorMessage } from '../errors.ts';

/** `knownNames` are sorted already. */
export function unknownToolText(name: string, knownNames: readonly string[]): string {
  const list = knownNames.map((known) => `'${known}'`).join(', ');
  return errorText(`Unknown tool '${name}'. Available tools: [${list}]`);
}

export function toolFailureText(thrown: unknown): string {
  return errorText(toolFailureMessage(thrown));
}

export function toolFailureMessage(thrown: unknown): string {
  const type = thrown instanceof Error ? thrown.name : typeof thrown;
  return `Tool execution failed: ${type}: ${errorMessage(thrown)}`;
}

/** The form of every error that a model is given. */
export function errorText(message: string): string {
  return JSON.stringify({ error: message });
}
