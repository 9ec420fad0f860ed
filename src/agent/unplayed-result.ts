import type { AgentResult, StopReason } from './result.ts';
import { Transcript } from './transcript.ts';

/** The result of a run whose agent never began: no message, no call, and why. */
export function unplayedResult(reason: StopReason, detail: string): AgentResult {
  return new Transcript([]).result({ reason, detail });
}
