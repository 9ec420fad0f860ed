import { create } from '@bufbuild/protobuf';
import {
  type AgentResult as AgentResultProto,
  AgentResultSchema,
  CallDiagnosticKind,
  type PromptViewUse as PromptViewUseProto,
  StopReason as StopReasonProto,
  type ToolCallMetrics as ToolCallMetricsProto,
  ToolCallMetricsSchema,
  type Turn as TurnProto,
  TurnSchema,
  type Usage as UsageProto,
  UsageSchema,
} from '../../../gen/lachesis/v1/rollout_pb.ts';
import type { AgentResult, StopReason, ToolCallMetrics, Turn, Usage } from '../../agent/index.ts';
import type { Message } from '../../messages.ts';
import type { ParserDiagnostic } from '../../parsers/index.ts';
import { enumTable } from './enum-table.ts';
import { countFromInt64, durationFromMs, int64FromNumber, msFromDuration } from './scalars.ts';

export const stopReasons = enumTable<StopReason, StopReasonProto>('stop reason', {
  natural: StopReasonProto.NATURAL,
  length: StopReasonProto.LENGTH,
  max_turns: StopReasonProto.MAX_TURNS,
  model_error: StopReasonProto.MODEL_ERROR,
  empty_response: StopReasonProto.EMPTY_RESPONSE,
  context_overflow: StopReasonProto.CONTEXT_OVERFLOW,
  cancelled: StopReasonProto.CANCELLED,
  deadline: StopReasonProto.DEADLINE,
  environment_error: StopReasonProto.ENVIRONMENT_ERROR,
  infrastructure_error: StopReasonProto.INFRASTRUCTURE_ERROR,
  environment_done: StopReasonProto.ENVIRONMENT_DONE,
  max_tool_calls: StopReasonProto.MAX_TOOL_CALLS,
  max_tokens: StopReasonProto.MAX_TOKENS,
});

const diagnosticKinds = enumTable<ParserDiagnostic['kind'], CallDiagnosticKind>('diagnostic kind', {
  malformed: CallDiagnosticKind.MALFORMED,
  cut_off: CallDiagnosticKind.CUT_OFF,
  in_thinking: CallDiagnosticKind.IN_THINKING,
});

export function stopReasonToProto(reason: StopReason): StopReasonProto {
  return stopReasons.toProto(reason);
}

export function stopReasonFromProto(value: number, field: string): StopReason {
  return stopReasons.fromProto(value, field);
}

/** The transcript is a field of the rollout on the wire, so it is not in here. */
export function agentResultToProto(result: AgentResult): AgentResultProto {
  return create(AgentResultSchema, {
    stopReason: stopReasons.toProto(result.stopReason),
    stopDetail: result.stopDetail,
    finishedNaturally: result.finishedNaturally,
    turnsUsed: result.turnsUsed,
    turns: result.turns.map(turnToProto),
    toolErrors: result.toolErrors.map((error) => ({ ...error })),
    toolCalls: toolCallMetricsToProto(result.toolCalls),
    usage: usageToProto(result.usage),
    messagesTruncated: result.messagesTruncated,
  });
}

export function agentResultFromProto(
  proto: AgentResultProto,
  messages: readonly Message[],
  field: string,
): AgentResult {
  return {
    messages,
    stopReason: stopReasons.fromProto(proto.stopReason, `${field}.stop_reason`),
    stopDetail: proto.stopDetail,
    finishedNaturally: proto.finishedNaturally,
    turnsUsed: proto.turnsUsed,
    turns: proto.turns.map((turn, at) => turnFromProto(turn, `${field}.turns[${at}]`)),
    toolErrors: proto.toolErrors.map(({ turn, toolName, arguments: args, error, toolResult }) => ({
      turn,
      toolName,
      arguments: args,
      error,
      toolResult,
    })),
    toolCalls: toolCallMetricsFromProto(proto.toolCalls),
    usage: usageFromProto(proto.usage, `${field}.usage`),
    messagesTruncated: proto.messagesTruncated,
  };
}

export function turnToProto(turn: Turn): TurnProto {
  return create(TurnSchema, {
    index: turn.index,
    reasoning: turn.reasoning,
    finishReason: turn.finishReason,
    promptTokens: turn.promptTokens,
    completionTokens: turn.completionTokens,
    modelDuration: durationFromMs(turn.modelDurationMs),
    toolDuration: durationFromMs(turn.toolDurationMs),
    toolCalls: turn.toolCalls,
    view: turn.view,
    callDiagnostics: (turn.callDiagnostics ?? []).map(({ kind, offset, message }) => ({
      ...{ offset, message },
      kind: diagnosticKinds.toProto(kind),
    })),
  });
}

export function turnFromProto(proto: TurnProto, field = 'turn'): Turn {
  const callDiagnostics = proto.callDiagnostics.map(({ kind, offset, message }, at) => ({
    kind: diagnosticKinds.fromProto(kind, `${field}.call_diagnostics[${at}].kind`),
    ...{ offset, message },
  }));
  return {
    index: proto.index,
    ...(proto.reasoning === undefined ? {} : { reasoning: proto.reasoning }),
    finishReason: proto.finishReason,
    ...(proto.promptTokens === undefined ? {} : { promptTokens: proto.promptTokens }),
    ...(proto.completionTokens === undefined ? {} : { completionTokens: proto.completionTokens }),
    modelDurationMs: msFromDuration(proto.modelDuration),
    toolDurationMs: msFromDuration(proto.toolDuration),
    toolCalls: proto.toolCalls,
    ...(proto.view === undefined ? {} : { view: viewFromProto(proto.view) }),
    ...(callDiagnostics.length === 0 ? {} : { callDiagnostics }),
  };
}

function viewFromProto({ tokens, shortened, dropped, overBudget }: PromptViewUseProto) {
  return { tokens, shortened, dropped, overBudget };
}

export function toolCallMetricsToProto(metrics: ToolCallMetrics): ToolCallMetricsProto {
  const { tools, ...counters } = metrics;
  return create(ToolCallMetricsSchema, {
    ...counters,
    tools: tools.map(({ durationMs, ...tool }) => ({
      ...tool,
      duration: durationFromMs(durationMs),
    })),
  });
}

/** An absent message is "no call was made". */
export function toolCallMetricsFromProto(proto: ToolCallMetricsProto | undefined): ToolCallMetrics {
  return {
    attempted: proto?.attempted ?? 0,
    schemaValid: proto?.schemaValid ?? 0,
    executedOk: proto?.executedOk ?? 0,
    execError: proto?.execError ?? 0,
    unknown: proto?.unknown ?? 0,
    coerced: proto?.coerced ?? 0,
    repaired: proto?.repaired ?? 0,
    refused: proto?.refused ?? 0,
    timedOut: proto?.timedOut ?? 0,
    jsonSchemaValid: proto?.jsonSchemaValid ?? 0,
    tools: (proto?.tools ?? []).map((tool) => ({
      toolName: tool.toolName,
      calls: tool.calls,
      errors: tool.errors,
      durationMs: msFromDuration(tool.duration),
    })),
  };
}

export function usageToProto(usage: Usage): UsageProto {
  return create(UsageSchema, {
    promptTokens: optionalInt64(usage.promptTokens, 'usage.prompt_tokens'),
    completionTokens: optionalInt64(usage.completionTokens, 'usage.completion_tokens'),
    modelCalls: usage.modelCalls,
    modelRetries: usage.modelRetries,
  });
}

export function usageFromProto(proto: UsageProto | undefined, field: string): Usage {
  const promptTokens = proto?.promptTokens;
  const completionTokens = proto?.completionTokens;
  return {
    ...(promptTokens === undefined
      ? {}
      : { promptTokens: countFromInt64(promptTokens, `${field}.prompt_tokens`) }),
    ...(completionTokens === undefined
      ? {}
      : { completionTokens: countFromInt64(completionTokens, `${field}.completion_tokens`) }),
    modelCalls: proto?.modelCalls ?? 0,
    modelRetries: proto?.modelRetries ?? 0,
  };
}

function optionalInt64(value: number | undefined, field: string): bigint | undefined {
  return value === undefined ? undefined : int64FromNumber(value, field);
}
