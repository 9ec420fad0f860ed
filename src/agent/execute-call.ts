import { isThenable, startDeadline, untilAborted } from '../async/index.ts';
import { errorMessage, LachesisError } from '../errors.ts';
import { endsRollout, outputText, toolFailureMessage } from '../tools/index.ts';
import { type LentModel, lendModel } from './lend-model.ts';
import type { AgentConfig } from './options.ts';
import type { PreparedCall } from './prepare-calls.ts';

/** What came of running a tool. */
export type Execution =
  | { readonly kind: 'result'; readonly text: string }
  | {
      readonly kind: 'failed';
      readonly message: string;
      readonly timedOut: boolean;
      readonly fatal?: LachesisError;
    };

/** Where in a run a tool call stands. */
export interface CallPlace {
  /** From 1. */
  readonly turn: number;
  /** Of the model call that made it; undefined where the session keeps no calls. */
  readonly callId: string | undefined;
}

/** Runs one call under its own deadline and the run's signal. Never rejects. */
export async function executeCall<State>(
  { call, tool, prepared }: Extract<PreparedCall, { kind: 'ready' }>,
  { turn, callId }: CallPlace,
  config: AgentConfig<State>,
): Promise<Execution> {
  const { clock, rolloutId, state, settings, sandbox } = config;
  if (config.signal.aborted) return cancelled(config.signal.reason);
  let timeoutMs: number;
  try {
    timeoutMs = config.toolTimeoutMs(tool.name);
  } catch (error) {
    return { kind: 'failed', message: toolFailureMessage(error), timedOut: false };
  }
  const deadline = startDeadline({
    timeoutMs,
    // Made when it is needed: an error's stack costs more than a quick call.
    reason: () => toolTimeout(tool.name, timeoutMs),
    clock,
    signal: config.signal,
  });
  let lent: LentModel | undefined;
  try {
    const invocation = {
      callId: call.id,
      name: tool.name,
      arguments: prepared.arguments,
      argumentsText: call.argumentsText,
    };
    const context = {
      ...{ rolloutId, turn, state, settings, sandbox },
      // Made only for a tool that looks at them.
      get signal() {
        return deadline.signal;
      },
      get model() {
        lent ??= lendModel(config, { toolName: tool.name, callId }, deadline.signal);
        return lent.model;
      },
    };
    const given: unknown = config.handler(invocation, context);
    const output = isThenable(given) ? await untilAborted(given, { signal: deadline }) : given;
    return { kind: 'result', text: outputText(output) };
  } catch (error) {
    if (deadline.expired) {
      const { message } = toolTimeout(tool.name, timeoutMs);
      return { kind: 'failed', message, timedOut: true };
    }
    if (deadline.aborted) return cancelled(deadline.reason);
    const message = toolFailureMessage(error);
    return endsRollout(error)
      ? { kind: 'failed', message, timedOut: false, fatal: error }
      : { kind: 'failed', message, timedOut: false };
  } finally {
    deadline[Symbol.dispose]();
    await lent?.takeBack();
  }
}

function toolTimeout(toolName: string, timeoutMs: number): LachesisError {
  const message = `Tool '${toolName}' timed out after ${timeoutMs} ms.`;
  return new LachesisError('deadline_exceeded', message, { reason: 'TOOL_TIMEOUT' });
}

function cancelled(reason: unknown): Execution {
  return {
    kind: 'failed',
    message: `Tool call cancelled: ${errorMessage(reason)}`,
    timedOut: false,
  };
}
