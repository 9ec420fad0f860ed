import type { ParsedCall, ToolCallParser } from '../../parsers/index.ts';
import { seededRandom } from '../../random.ts';

/** Gives a call its id, where the model wrote none; `index` is its place in the completion. */
export type CallIds = (call: ParsedCall, index: number) => string;

/**
 * Ids of a session's tool calls: as the family's templates want them, else `call_0_1` for the second
 * of the first model call. The same rollout gets the same ids again.
 */
export function sessionCallIds(
  parser: ToolCallParser | undefined,
  rolloutId: string,
): (callIndex: number) => CallIds {
  let random: (() => number) | undefined;
  let count = 0;
  return (callIndex) => (call, index) => {
    if (parser?.callId === undefined) return `call_${callIndex}_${index}`;
    random ??= seededRandom('tool call ids', rolloutId);
    return parser.callId(call, count++, random);
  };
}
