import type { AgentResult } from '../../agent/index.ts';
import { clipText, type ErrorKind, errorMessage, invalidInput } from '../../errors.ts';
import { type ContentPart, type Message, textContent } from '../../messages.ts';
import type { ModelCall } from '../../models/index.ts';
import { FIRST_CALL, type Ledger, type Segment, validateSequence } from '../../tokens/index.ts';
import type { Provenance, Rollout } from '../rollout.ts';
import {
  type FileMessage,
  type FileSegment,
  ROLLOUT_FILE_SCHEMA,
  type RolloutLine,
} from './schema.ts';
import { toCamelCase } from './snake-case.ts';

/** Reads one line of a rollout file; `where` (file and line number) begins every error. */
export function readRolloutLine(
  text: string,
  where: string,
): { readonly rollout: Rollout; readonly runId: string } {
  let line: RolloutLine;
  try {
    line = JSON.parse(text);
  } catch (error) {
    throw invalidInput(where, `is no JSON: ${errorMessage(error)}.`, { cause: error });
  }
  if (line?.schema !== ROLLOUT_FILE_SCHEMA) {
    throw invalidInput(
      `${where}.schema`,
      `is ${JSON.stringify(line?.schema)}; this version reads "${ROLLOUT_FILE_SCHEMA}".`,
    );
  }
  try {
    return { rollout: rolloutOf(line, where), runId: line.run_id };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw invalidInput(where, `lacks a field of the schema: ${error.message}.`, { cause: error });
  }
}

function rolloutOf(line: RolloutLine, where: string): Rollout {
  if (line.failure === null && !Number.isFinite(line.reward)) {
    throw invalidInput(`${where}.reward`, `is ${line.reward}, and there is no failure to say why.`);
  }
  return {
    id: line.id,
    groupId: line.group_id,
    taskKey: line.task_key,
    index: line.index,
    result: {
      ...(toCamelCase(line.result) as unknown as Omit<AgentResult, 'messages'>),
      messages: line.messages.map(messageOf),
    },
    outcome:
      line.failure === null
        ? {
            kind: 'scored',
            reward: line.reward as number,
            components: line.reward_components,
            ...turnRewardsOf(line),
          }
        : {
            kind: 'not_scored',
            failure: { ...line.failure, kind: line.failure.kind as ErrorKind },
          },
    segments: line.segments.map((segment, i) => segmentOf(segment, `${where}.segments[${i}]`)),
    calls: (line.calls ?? []).map((call) => ({
      ...FIRST_CALL,
      ...(toCamelCase(call) as unknown as ModelCall),
    })),
    ledger: toCamelCase(line.ledger) as unknown as Ledger,
    provenance: toCamelCase(line.provenance) as unknown as Provenance,
    startTimeMs: Date.parse(line.start_time),
    endTimeMs: Date.parse(line.end_time),
    metrics: line.metrics,
  };
}

function turnRewardsOf({ turn_rewards: rewards = [] }: RolloutLine) {
  if (rewards.length === 0) return {};
  return {
    turnRewards: rewards.map(({ message_index: messageIndex, value }) => ({ messageIndex, value })),
  };
}

function messageOf(message: FileMessage): Message {
  const content = contentOf(message.content);
  switch (message.role) {
    case 'system':
    case 'user':
      return { role: message.role, content };
    case 'assistant':
      return {
        role: 'assistant',
        content,
        ...(message.reasoning === undefined ? {} : { reasoning: message.reasoning }),
        toolCalls: (message.tool_calls ?? []).map(({ id, function: call }) => ({
          id,
          name: call.name,
          argumentsText: call.arguments,
          ...(call.arguments_json === undefined ? {} : { argumentsJson: call.arguments_json }),
        })),
      };
    case 'tool':
      return {
        role: 'tool',
        content,
        toolCallId: message.tool_call_id ?? '',
        toolName: message.name ?? '',
      };
  }
}

function contentOf(content: FileMessage['content']): readonly ContentPart[] {
  if (typeof content === 'string') return textContent(content);
  return content.map((part): ContentPart => {
    switch (part.type) {
      case 'text':
        return { kind: 'text', text: part.text };
      case 'image_url':
        return {
          kind: 'image',
          uri: part.image_url.url,
          mediaType: part.media_type,
          sha256: part.sha256,
        };
      case 'opaque':
        return { kind: 'opaque', type: part.kind, json: part.json };
    }
  });
}

/** As they stand there: a column of 32 bits would make another number of some. */
function idsOf(list: readonly unknown[], where: string): Int32Array {
  const ids = new Int32Array(list.length);
  list.forEach((id, at) => {
    ids[at] = id as number;
    if (typeof id === 'number' && ids[at] === id && id >= 0) return;
    throw invalidInput(
      `${where}[${at}]`,
      `is ${clipText(JSON.stringify(id), 40)}; an id is a whole number from 0 to 2147483647.`,
    );
  });
  return ids;
}

function segmentOf(segment: FileSegment, where: string): Segment {
  const read: Segment = {
    id: segment.id,
    parent:
      segment.parent === null
        ? undefined
        : { id: segment.parent.id, sharedTokens: segment.parent.shared_tokens },
    reason: segment.reason as Segment['reason'],
    reasonDetail: segment.reason_detail,
    agent: segment.agent,
    tokenIds: idsOf(segment.token_ids, `${where}.token_ids`),
    logprobs:
      segment.logprobs === null
        ? undefined
        : Float32Array.from(segment.logprobs, (value) =>
            typeof value === 'number' ? value : Number.NaN,
          ),
    spans: segment.spans.map((span) => ({
      length: span.length,
      origin: span.origin as Segment['spans'][number]['origin'],
      loss: span.loss as Segment['spans'][number]['loss'],
      ...(span.message_index === undefined ? {} : { messageIndex: span.message_index }),
      ...(span.call_index === undefined ? {} : { callIndex: span.call_index }),
    })),
    policyVersions: segment.policy_versions.map((run) => ({
      length: run.length,
      announcedVersion: run.announced,
      ...(run.reported === undefined ? {} : { reportedVersion: run.reported }),
    })),
    rendering: {
      tokenizerSha256: segment.rendering.tokenizer_sha256,
      templateSha256: segment.rendering.template_sha256,
    },
    columns: segment.columns.map((column) => ({
      name: column.name,
      type: column.type as Segment['columns'][number]['type'],
      axis: column.axis as Segment['columns'][number]['axis'],
      entryShape: column.entry_shape,
      data: new Uint8Array(Buffer.from(column.data, 'base64')),
    })),
  };
  validateSequence(read, where);
  return read;
}
