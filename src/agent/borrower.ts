import { invalidInput } from '../errors.ts';
import type { Message } from '../messages.ts';
import type { CallLineage } from '../models/index.ts';
import type { RolloutShare } from './rollout-share.ts';

/** Who asks: the tool, and the model call that called it where that is known. */
export interface Borrower {
  readonly toolName: string;
  readonly callId: string | undefined;
}

/**
 * What a borrower's call declares. Its parent is the call that the messages go on from, and else the one
 * that called the tool.
 */
export function lineageOf(
  said: { readonly agent: string; readonly purpose: string },
  messages: readonly Message[],
  { callId }: Borrower,
  share: RolloutShare,
): Omit<CallLineage, 'callId'> {
  const agent = named('agent', said.agent);
  const purpose = named('purpose', said.purpose);
  const parentCallId = share.callOf(messages) ?? callId;
  return { agent, purpose, ...(parentCallId === undefined ? {} : { parentCallId }) };
}

/** The main agent is the one without a name, so that nothing else gets into its conversation. */
function named(field: string, name: string): string {
  if (typeof name === 'string' && name !== '' && name.length <= 64) return name;
  throw invalidInput(field, `must be a text of 1 to 64 characters, was ${JSON.stringify(name)}.`);
}
