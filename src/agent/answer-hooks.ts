import { LachesisError } from '../errors.ts';
import { environmentStop } from './environment-stop.ts';
import { givenType, HookMistake } from './hook-mistake.ts';
import type { ToolCallAnswered, ToolResultContext, TurnResult } from './hooks.ts';
import type { AgentConfig } from './options.ts';
import { isAbort, type Stop } from './stop.ts';

/**
 * What the model is told of a call that ran: its result, as the hooks after a call leave it. A hook that
 * fails leaves the text as it was, and its failure ends the rollout.
 */
export async function hookedResult<State>(
  call: ToolCallAnswered,
  turn: number,
  config: AgentConfig<State>,
): Promise<{ readonly text: string; readonly fatal?: LachesisError }> {
  let { result } = call;
  for (const [index, hook] of config.afterToolCall.entries()) {
    const run = async (): Promise<undefined> => {
      const text: unknown = await hook({ ...call, result }, contextOf(turn, config));
      if (typeof text === 'string') result = text;
      else if (text !== undefined) throw new HookMistake(`gave ${givenType(text)}, not a text.`);
    };
    const stop = await environmentStop(config, run, `The afterToolCall hook ${index + 1}`);
    if (stop === undefined) continue;
    if (isAbort(stop)) break;
    return { text: result, fatal: fatalOf(stop, 'AFTER_TOOL_CALL') };
  }
  return { text: result };
}

/**
 * What the model is told of a turn's calls, as the hooks after a turn leave it. A hook that fails leaves the
 * texts as they were, and its failure ends the rollout.
 */
export async function hookedTurn<State>(
  results: readonly TurnResult[],
  turn: number,
  config: AgentConfig<State>,
): Promise<{ readonly texts: readonly string[]; readonly fatal?: LachesisError }> {
  let texts: readonly string[] = results.map(({ result }) => result);
  for (const [index, hook] of config.afterToolCalls.entries()) {
    const run = async (): Promise<undefined> => {
      const shown = results.map((result, i) => ({ ...result, result: texts[i] ?? '' }));
      const given: unknown = await hook(shown, contextOf(turn, config));
      if (given === undefined) return;
      if (!Array.isArray(given) || !given.every((text) => typeof text === 'string')) {
        throw new HookMistake(`gave ${givenType(given)}, not a list of texts.`);
      }
      if (given.length !== results.length) {
        throw new HookMistake(`gave ${given.length} texts for ${results.length} calls.`);
      }
      texts = given;
    };
    const stop = await environmentStop(config, run, `The afterToolCalls hook ${index + 1}`);
    if (stop === undefined) continue;
    if (isAbort(stop)) break;
    return { texts, fatal: fatalOf(stop, 'AFTER_TOOL_CALLS') };
  }
  return { texts };
}

function contextOf<State>(turn: number, config: AgentConfig<State>): ToolResultContext<State> {
  const { rolloutId, state, sandbox, signal } = config;
  return { rolloutId, turn, state, sandbox, signal };
}

function fatalOf({ reason, detail }: Stop, of: string): LachesisError {
  const kind = reason === 'infrastructure_error' ? reason : 'environment_error';
  return new LachesisError(kind, detail, { reason: of });
}
