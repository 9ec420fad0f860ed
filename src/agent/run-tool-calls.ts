import { isThenable, startDeadline, untilAborted } from '../async/index.ts';
import { errorMessage, LachesisError } from '../errors.ts';
import { type ToolMessage, textContent } from '../messages.ts';
import {
  endsRollout,
  errorText,
  outputText,
  toolFailureMessage,
  unknownToolText,
} from '../tools/index.ts';
import { hookedResult } from './answer-hooks.ts';
import type { ToolCallAnswered } from './hooks.ts';
import { satisfiesSchema } from './json-schema-check.ts';
import { limitResult } from './limit-result.ts';
import type { AgentConfig } from './options.ts';
import type { PreparedCall } from './prepare-calls.ts';
import type { ToolError } from './result.ts';
import type { CallOutcome } from './tool-call-meter.ts';
import { toolResultError } from './tool-result-error.ts';

/** One call's ending: what the model is told, what is counted, and what ends the rollout if anything. */
export interface AnsweredCall {
  readonly message: ToolMessage;
  readonly outcome: CallOutcome;
  readonly error: ToolError | undefined;
  readonly fatal: LachesisError | undefined;
}

type ReadyCall = Extract<PreparedCall, { kind: 'ready' }>;
type Execution =
  | { readonly kind: 'result'; readonly text: string }
  | {
      readonly kind: 'failed';
      readonly message: string;
      readonly timedOut: boolean;
      readonly fatal?: LachesisError;
    };

/**
 * Answers every call of a turn, in call order; at most `maxParallelToolCalls` run at a time. Never
 * rejects. Once the run is aborted or a call is fatal, calls not yet begun are answered unrun.
 */
export async function runToolCalls<State>(
  calls: readonly PreparedCall[],
  turn: number,
  config: AgentConfig<State>,
): Promise<readonly AnsweredCall[]> {
  const [first] = calls;
  if (first !== undefined && calls.length === 1) return [await answer(first, turn, config)];
  const answers: AnsweredCall[] = [];
  const rest = calls.entries();
  let fatal: LachesisError | undefined;
  const lane = async (): Promise<void> => {
    // The lanes share one iterator: each takes the next call as soon as it is free.
    for (const [index, call] of rest) {
      const answered = await answer(call, turn, config, fatal);
      answers[index] = answered;
      fatal ??= answered.fatal;
    }
  };
  const lanes = Math.min(config.maxParallelToolCalls, calls.length);
  await Promise.all(Array.from({ length: lanes }, lane));
  return answers;
}

function answer<State>(
  call: PreparedCall,
  turn: number,
  config: AgentConfig<State>,
  earlierFatal?: LachesisError,
): AnsweredCall | Promise<AnsweredCall> {
  return call.kind === 'ready'
    ? answerReady(call, turn, config, earlierFatal)
    : answerUnrun(call, turn, config);
}

function answerUnrun<State>(
  call: Exclude<PreparedCall, ReadyCall>,
  turn: number,
  config: AgentConfig<State>,
): AnsweredCall {
  const isUnknown = call.kind === 'unknown';
  const own = isUnknown
    ? unknownToolText(call.call.name, [...config.tools.keys()].sort())
    : errorText(call.message);
  const text = bounded(own, config);
  const message = isUnknown ? `Unknown tool '${call.call.name}'` : call.message;
  return {
    message: toolMessage(call, text),
    outcome: isUnknown ? { kind: 'unknown' } : { kind: 'refused', toolName: call.tool.name },
    error: toolError(call, turn, message, text),
    fatal: undefined,
  };
}

async function answerReady<State>(
  call: ReadyCall,
  turn: number,
  config: AgentConfig<State>,
  earlierFatal: LachesisError | undefined,
): Promise<AnsweredCall> {
  const { prepared, tool } = call;
  // Before it runs: a tool may change what it is given.
  const jsonSchemaValid = satisfiesSchema(tool, prepared.arguments);
  const startMs = config.clock.now();
  const execution: Execution =
    earlierFatal === undefined
      ? await execute(call, turn, config)
      : { kind: 'failed', message: 'Not run: the rollout is ending.', timedOut: false };
  const durationMs = config.clock.now() - startMs;

  const own = execution.kind === 'result' ? execution.text : errorText(execution.message);
  const found = execution.kind === 'result' ? toolResultError(own) : undefined;
  const isError = execution.kind === 'failed' || found !== undefined;
  const isHooked = config.afterToolCall.length > 0 && !config.signal.aborted;
  const told: Awaited<ReturnType<typeof hookedResult>> = isHooked
    ? await hookedResult(answeredCall(call, own, isError), turn, config)
    : { text: own };
  const text = bounded(told.text, config);
  const error =
    execution.kind === 'failed'
      ? toolError(call, turn, execution.message, text)
      : found?.isReported === true
        ? toolError(call, turn, found.message, firstCodePoints(text, 500))
        : undefined;
  return {
    message: toolMessage(call, text),
    outcome: {
      kind: 'dispatched',
      toolName: tool.name,
      schemaValid: prepared.schemaValid,
      coerced: prepared.coerced,
      repaired: prepared.repaired,
      jsonSchemaValid,
      isError,
      timedOut: execution.kind === 'failed' && execution.timedOut,
      durationMs,
    },
    error,
    fatal: (execution.kind === 'failed' ? execution.fatal : undefined) ?? told.fatal,
  };
}

function answeredCall(
  { call, prepared }: ReadyCall,
  result: string,
  isError: boolean,
): ToolCallAnswered {
  const { id, name, argumentsText } = call;
  return { id, name, argumentsText, arguments: prepared.arguments, result, isError };
}

/** Runs one call under its own deadline and the run's signal. Never rejects. */
async function execute<State>(
  { call, tool, prepared }: ReadyCall,
  turn: number,
  config: AgentConfig<State>,
): Promise<Execution> {
  const { clock, rolloutId, state, settings } = config;
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
  try {
    const invocation = {
      callId: call.id,
      name: tool.name,
      arguments: prepared.arguments,
      argumentsText: call.argumentsText,
    };
    const context = {
      ...{ rolloutId, turn, state, settings },
      // Made only for a tool that looks at it.
      get signal() {
        return deadline.signal;
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

/** The last step of every tool message: whatever wrote the text, it is no longer than the limit. */
function bounded<State>(text: string, { maxResultCharacters: max }: AgentConfig<State>): string {
  return max === undefined ? text : limitResult(text, max);
}

function toolMessage({ call }: PreparedCall, text: string): ToolMessage {
  return { role: 'tool', content: textContent(text), toolCallId: call.id, toolName: call.name };
}

function toolError(
  { call }: PreparedCall,
  turn: number,
  error: string,
  toolResult: string,
): ToolError {
  return {
    turn,
    toolName: call.name,
    arguments: firstCodePoints(call.argumentsText, 200),
    error,
    toolResult,
  };
}

function firstCodePoints(text: string, count: number): string {
  if (text.length <= count) return text;
  // A code point is at most two units, so this much is enough.
  return [...text.slice(0, 2 * count)].slice(0, count).join('');
}
