import type { AfterToolCall, BeforeToolCall } from './hooks.ts';
import { limitResult } from './limit-result.ts';

/** Limits of one rollout. Turns are `maxTurns`; wall time is the signal's. */
export interface AgentLimits {
  /** Most tool calls of the main agent; the one after them isn't run and ends the rollout as `max_tool_calls`. */
  readonly maxToolCalls?: number;
  /**
   * Most sampled tokens of all turns together, and of what tools ask the model and their sub-agents say; when
   * they are used up the rollout ends as `max_tokens`. Completions that don't tell their tokens are estimated.
   */
  readonly maxSampledTokens?: number;
  /**
   * Most characters (code points) of any tool message, errors and refusals too, with what it says of what is
   * left out: of a longer one that is the middle. The last step, after the hooks.
   */
  readonly maxResultCharacters?: number;
}

/** A hook that ends the rollout at the call after `max`; with a tool's name, only its calls count. */
export function limitToolCalls(max: number, toolName?: string): BeforeToolCall {
  const what = toolName === undefined ? 'tool calls' : `calls of '${toolName}'`;
  return ({ name }, { callsBefore, callsOfToolBefore }) => {
    if (toolName !== undefined && toolName !== name) return { kind: 'run' };
    const made = toolName === undefined ? callsBefore : callsOfToolBefore;
    if (made < max) return { kind: 'run' };
    const detail = `The limit of ${max} ${what} was reached.`;
    return { kind: 'stop', reason: 'max_tool_calls', detail };
  };
}

/** A hook that leaves out the middle of results of more than `max` characters (code points). */
export function limitToolResults(max: number): AfterToolCall {
  return ({ result }) => limitResult(result, max);
}
