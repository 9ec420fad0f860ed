import { LachesisError } from '../errors.ts';
import { environmentStop } from './environment-stop.ts';
import { givenType, HookMistake } from './hook-mistake.ts';
import type { ToolCallAnswered } from './hooks.ts';
import type { AgentConfig } from './options.ts';
import { isAbort } from './stop.ts';

/**
 * What the model is told of a call that ran: its result, as the hooks after a call leave it. A hook that
 * fails leaves the text as it was, and its failure ends the rollout.
 */
export async function hookedResult<State>(
  call: ToolCallAnswered,
  turn: number,
  config: AgentConfig<State>,
): Promise<{ readonly text: string; readonly fatal?: LachesisError }> {
  const { rolloutId, state, signal } = config;
  let { result } = call;
  for (const [index, hook] of config.afterToolCall.entries()) {
    const run = async (): Promise<undefined> => {
      const text: unknown = await hook({ ...call, result }, { rolloutId, turn, state, signal });
      if (typeof text === 'string') result = text;
      else if (text !== undefined) throw new HookMistake(`gave ${givenType(text)}, not a text.`);
    };
    const stop = await environmentStop(config, run, `The afterToolCall hook ${index + 1}`);
    if (stop === undefined) continue;
    if (isAbort(stop)) break;
    const kind =
      stop.reason === 'infrastructure_error' ? 'infrastructure_error' : 'environment_error';
    const fatal = new LachesisError(kind, stop.detail, { reason: 'AFTER_TOOL_CALL' });
    return { text: result, fatal };
  }
  return { text: result };
}
