import type { ContentPart, JsonValue, Message } from '../../messages.ts';
import type { Segment } from '../../tokens/index.ts';
import type { Rollout } from '../rollout.ts';
import {
  type FileMessage,
  type FilePart,
  type FileSegment,
  ROLLOUT_FILE_SCHEMA,
  type RolloutLine,
} from './schema.ts';
import { toSnakeCase } from './snake-case.ts';

/** One line of a rollout file, without the line end. `runId` is empty for play outside of a run. */
export function writeRolloutLine(rollout: Rollout, runId = ''): string {
  const { messages, ...result } = rollout.result;
  const { outcome } = rollout;
  const line: RolloutLine = {
    schema: ROLLOUT_FILE_SCHEMA,
    id: rollout.id,
    run_id: runId,
    group_id: rollout.groupId,
    environment: rollout.provenance.environment,
    task_key: rollout.taskKey,
    index: rollout.index,
    reward: outcome.kind === 'scored' ? outcome.reward : null,
    reward_components: outcome.kind === 'scored' ? outcome.components : [],
    turn_rewards:
      outcome.kind === 'scored'
        ? (outcome.turnRewards ?? []).map(({ messageIndex, value }) => ({
            message_index: messageIndex,
            value,
          }))
        : [],
    failure: outcome.kind === 'scored' ? null : outcome.failure,
    messages: messages.map(fileMessage),
    result: toSnakeCase(result) as RolloutLine['result'],
    segments: rollout.segments.map(fileSegment),
    calls: rollout.calls.map((call) => toSnakeCase(call) as { [key: string]: JsonValue }),
    ledger: toSnakeCase(rollout.ledger) as Record<string, number>,
    provenance: toSnakeCase(rollout.provenance) as RolloutLine['provenance'],
    start_time: new Date(rollout.startTimeMs).toISOString(),
    end_time: new Date(rollout.endTimeMs).toISOString(),
    metrics: rollout.metrics,
  };
  return JSON.stringify(line);
}

function fileMessage(message: Message): FileMessage {
  const base = { role: message.role, content: fileContent(message.content) };
  switch (message.role) {
    case 'system':
    case 'user':
      return base;
    case 'assistant':
      return {
        ...base,
        ...(message.reasoning === undefined ? {} : { reasoning: message.reasoning }),
        ...(message.toolCalls.length === 0
          ? {}
          : {
              tool_calls: message.toolCalls.map((call) => ({
                id: call.id,
                type: 'function' as const,
                function: {
                  name: call.name,
                  arguments: call.argumentsText,
                  ...(call.argumentsJson === undefined
                    ? {}
                    : { arguments_json: call.argumentsJson }),
                },
              })),
            }),
      };
    case 'tool':
      return { ...base, tool_call_id: message.toolCallId, name: message.toolName };
  }
}

function fileContent(content: readonly ContentPart[]): FileMessage['content'] {
  const [only] = content;
  if (only === undefined) return '';
  if (content.length === 1 && only.kind === 'text') return only.text;
  return content.map((part): FilePart => {
    switch (part.kind) {
      case 'text':
        return { type: 'text', text: part.text };
      case 'image':
        return {
          type: 'image_url',
          image_url: { url: part.uri },
          media_type: part.mediaType,
          sha256: part.sha256,
        };
      case 'opaque':
        return { type: 'opaque', kind: part.type, json: part.json };
    }
  });
}

function fileSegment(segment: Segment): FileSegment {
  return {
    id: segment.id,
    parent:
      segment.parent === undefined
        ? null
        : { id: segment.parent.id, shared_tokens: segment.parent.sharedTokens },
    reason: segment.reason,
    reason_detail: segment.reasonDetail,
    agent: segment.agent,
    token_ids: [...segment.tokenIds],
    logprobs:
      segment.logprobs === undefined
        ? null
        : Array.from(segment.logprobs, (value) => Number(value.toPrecision(9))),
    spans: segment.spans.map((span) => ({
      length: span.length,
      origin: span.origin,
      loss: span.loss,
      ...(span.messageIndex === undefined ? {} : { message_index: span.messageIndex }),
      ...(span.callIndex === undefined ? {} : { call_index: span.callIndex }),
    })),
    policy_versions: segment.policyVersions.map((run) => ({
      length: run.length,
      announced: run.announcedVersion,
      ...(run.reportedVersion === undefined ? {} : { reported: run.reportedVersion }),
    })),
    rendering: {
      tokenizer_sha256: segment.rendering.tokenizerSha256,
      template_sha256: segment.rendering.templateSha256,
    },
    columns: segment.columns.map((column) => ({
      name: column.name,
      type: column.type,
      axis: column.axis,
      entry_shape: column.entryShape,
      data: Buffer.from(column.data).toString('base64'),
    })),
  };
}
