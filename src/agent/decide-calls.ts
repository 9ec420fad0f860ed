import { clipText } from '../errors.ts';
import { isJsonObject, type JsonObject } from '../messages.ts';
import { environmentStop } from './environment-stop.ts';
import { givenType, HookMistake } from './hook-mistake.ts';
import type { ToolCallContext, ToolCallDecision } from './hooks.ts';
import type { AgentConfig } from './options.ts';
import type { PreparedCall } from './prepare-calls.ts';
import { isAbort, type Stop } from './stop.ts';
import type { Transcript } from './transcript.ts';

type ReadyCall = Extract<PreparedCall, { kind: 'ready' }>;

/**
 * Asks the hooks, where there are any, about a turn's calls, in call order. From a stop on no call is run; those before it
 * are. An abort decides nothing: calls that are run under an aborted signal are answered unrun.
 */
export async function decideCalls<State>(
  made: readonly PreparedCall[],
  turn: number,
  transcript: Transcript,
  config: AgentConfig<State>,
): Promise<{ readonly calls: readonly PreparedCall[]; readonly stop: Stop | undefined }> {
  const { callCounts } = transcript;
  const messages = transcript.messages.slice();
  const calls: PreparedCall[] = [];
  let stop: Stop | undefined;
  for (const call of made) {
    if (call.kind !== 'ready' || config.signal.aborted) calls.push(call);
    else if (stop !== undefined) calls.push(heldBack(call, NOT_RUN));
    else {
      const decided = await decideCall(call, config, {
        rolloutId: config.rolloutId,
        turn,
        state: config.state,
        messages,
        callsBefore: callCounts.all,
        callsOfToolBefore: callCounts.ofTool(call.call.name),
        signal: config.signal,
      });
      calls.push(decided.call);
      stop = decided.stop;
    }
    callCounts.add(call);
  }
  return { calls, stop };
}

async function decideCall<State>(
  ready: ReadyCall,
  config: AgentConfig<State>,
  context: ToolCallContext<State>,
): Promise<{ readonly call: PreparedCall; readonly stop?: Stop }> {
  let call = ready;
  for (const [index, hook] of config.beforeToolCall.entries()) {
    let decision: ToolCallDecision | undefined;
    const run = async (): Promise<undefined> => {
      const { id, name, argumentsText } = call.call;
      decision = await hook(
        { id, name, argumentsText, arguments: call.prepared.arguments },
        context,
      );
      checkDecision(decision);
      if (decision.kind === 'run' && decision.arguments !== undefined) {
        call = rewritten(call, decision.arguments);
      }
    };
    const failure = await environmentStop(
      config,
      run,
      `The beforeToolCall hook ${index + 1 - config.limitHooks}`,
    );
    if (failure !== undefined) {
      return isAbort(failure) ? { call } : { call: heldBack(call, NOT_RUN), stop: failure };
    }
    if (decision?.kind === 'block') return { call: heldBack(call, decision.message) };
    if (decision?.kind === 'stop') {
      const { detail, reason = 'environment_done' } = decision;
      return { call: heldBack(call, NOT_RUN), stop: { reason, detail } };
    }
  }
  return { call };
}

const DECISIONS: readonly ToolCallDecision['kind'][] = ['run', 'block', 'stop'];

/** A hook's types are stripped, not checked. */
function checkDecision(decision: Partial<Record<'kind' | 'message' | 'detail', unknown>>): void {
  if (typeof decision !== 'object' || decision === null) {
    throw new HookMistake(`gave ${givenType(decision)}, not a decision { kind }.`);
  }
  const { kind, message, detail } = decision;
  if (kind === 'block' && typeof message !== 'string') {
    throw new HookMistake(`blocked a call with ${givenType(message)} as its message, not a text.`);
  }
  if (kind === 'stop' && typeof detail !== 'string') {
    throw new HookMistake(`stopped with ${givenType(detail)} as its detail, not a text.`);
  }
  if (DECISIONS.some((known) => known === kind)) return;
  const shown = typeof kind === 'string' ? `'${clipText(kind, 80)}'` : givenType(kind);
  throw new HookMistake(`decided ${shown}, not ${DECISIONS.join(', ')}.`);
}

const NOT_RUN = 'Not run: the rollout is ending.';

function heldBack({ call, tool }: ReadyCall, message: string): PreparedCall {
  return { kind: 'refused', call, tool, message };
}

/** The same call with other arguments; the model's own text stays. */
function rewritten(ready: ReadyCall, args: JsonObject): ReadyCall {
  if (!isJsonObject(args)) {
    throw new HookMistake(`gave ${givenType(args)} as arguments, not an object of JSON.`);
  }
  const json = JSON.stringify(args);
  return {
    ...ready,
    call: { ...ready.call, argumentsJson: json },
    prepared: { ...ready.prepared, arguments: args, json },
  };
}
