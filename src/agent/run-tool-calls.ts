import type { LachesisError } from '../errors.ts';
import { type ToolMessage, textContent, textOf } from '../messages.ts';
import { errorText, unknownToolText } from '../tools/index.ts';
import { hookedResult, hookedTurn } from './answer-hooks.ts';
import { type CallPlace, type Execution, executeCall } from './execute-call.ts';
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

/**
 * Answers every call of a turn, in call order; at most `maxParallelToolCalls` run at a time. Never
 * rejects. Once the run is aborted or a call is fatal, calls not yet begun are answered unrun.
 */
export async function runToolCalls<State>(
  calls: readonly PreparedCall[],
  place: CallPlace,
  config: AgentConfig<State>,
): Promise<readonly AnsweredCall[]> {
  const answers = await answerAll(calls, place, config);
  if (config.afterToolCalls.length === 0 || config.signal.aborted) return answers;
  const results = answers.map(({ message }) => ({
    id: message.toolCallId,
    name: message.toolName,
    result: textOf(message),
  }));
  const { texts, fatal } = await hookedTurn(results, place.turn, config);
  return answers.map((answered, i) => ({
    ...answered,
    message: { ...answered.message, content: textContent(bounded(texts[i] ?? '', config)) },
    fatal: answered.fatal ?? (i === 0 ? fatal : undefined),
  }));
}

async function answerAll<State>(
  calls: readonly PreparedCall[],
  place: CallPlace,
  config: AgentConfig<State>,
): Promise<readonly AnsweredCall[]> {
  const [first] = calls;
  if (first !== undefined && calls.length === 1) return [await answer(first, place, config)];
  const answers: AnsweredCall[] = [];
  const rest = calls.entries();
  let fatal: LachesisError | undefined;
  const lane = async (): Promise<void> => {
    // The lanes share one iterator: each takes the next call as soon as it is free.
    for (const [index, call] of rest) {
      const answered = await answer(call, place, config, fatal);
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
  place: CallPlace,
  config: AgentConfig<State>,
  earlierFatal?: LachesisError,
): AnsweredCall | Promise<AnsweredCall> {
  return call.kind === 'ready'
    ? answerReady(call, place, config, earlierFatal)
    : answerUnrun(call, place, config);
}

function answerUnrun<State>(
  call: Exclude<PreparedCall, ReadyCall>,
  place: CallPlace,
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
    error: toolError(call, place.turn, message, text),
    fatal: undefined,
  };
}

async function answerReady<State>(
  call: ReadyCall,
  place: CallPlace,
  config: AgentConfig<State>,
  earlierFatal: LachesisError | undefined,
): Promise<AnsweredCall> {
  const { prepared, tool } = call;
  // Before it runs: a tool may change what it is given.
  const jsonSchemaValid = satisfiesSchema(tool, prepared.arguments);
  const startMs = config.clock.now();
  const execution: Execution =
    earlierFatal === undefined
      ? await executeCall(call, place, config)
      : { kind: 'failed', message: 'Not run: the rollout is ending.', timedOut: false };
  const durationMs = config.clock.now() - startMs;

  const own = execution.kind === 'result' ? execution.text : errorText(execution.message);
  const found = execution.kind === 'result' ? toolResultError(own) : undefined;
  const isError = execution.kind === 'failed' || found !== undefined;
  const isHooked = config.afterToolCall.length > 0 && !config.signal.aborted;
  const told: Awaited<ReturnType<typeof hookedResult>> = isHooked
    ? await hookedResult(answeredCall(call, own, isError), place.turn, config)
    : { text: own };
  const text = bounded(told.text, config);
  const error =
    execution.kind === 'failed'
      ? toolError(call, place.turn, execution.message, text)
      : found?.isReported === true
        ? toolError(call, place.turn, found.message, firstCodePoints(text, 500))
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
