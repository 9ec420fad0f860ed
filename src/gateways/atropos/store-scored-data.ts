import { createHash } from 'node:crypto';
import { type AgentResult, unplayedResult } from '../../agent/index.ts';
import {
  encodeSettled,
  type Group,
  type Rollout,
  type SettledRollout,
  toStoredGroup,
} from '../../contract/index.ts';
import type { Message } from '../../messages.ts';
import {
  type Column,
  emptyLedger,
  type Row,
  type Segment,
  type TrainingPolicy,
  trainedLength,
} from '../../tokens/index.ts';
import { encodeInt32 } from '../../wire/index.ts';
import { transcriptOf } from './chat-transcript.ts';
import { exactColumn, floatColumns, intColumn } from './float-column.ts';
import { keptFieldsOf } from './keep-fields.ts';
import {
  type ColumnField,
  KEPT_FIELDS_TYPE,
  type KeptFields,
  writeKeptFields,
} from './kept-fields.ts';
import { IGNORED, spansOfMask } from './mask-spans.ts';
import { flawOf, trainedLogprobs } from './pushed-logprobs.ts';
import type { ScoredData } from './scored-data.ts';

export interface StoredAs {
  readonly groupId: string;
  readonly runId: string;
  readonly trainingPolicy: TrainingPolicy;
  /** The last that was announced. */
  readonly policyVersion: number;
  /** The environment's name. */
  readonly environment: string;
  readonly nowMs: number;
}

/**
 * A pushed group as one of ours: a sequence is a rollout of one segment and one row, also where nothing
 * of it is trained, since Atropos counts a batch in sequences. It is encoded and validated as any other.
 */
export function storeScoredData(data: ScoredData, as: StoredAs): ReturnType<typeof toStoredGroup> {
  const kept = keptFieldsOf(data);
  const taskKey = taskKeyOf(data);
  const rollouts = data.tokens.map((_, index) => rolloutOf(data, index, kept, { ...as, taskKey }));
  const group: Group = {
    id: as.groupId,
    runId: as.runId,
    environment: as.environment,
    taskKey,
    rollouts: rollouts.map(({ rollout }) => rollout),
    trainingPolicy: as.trainingPolicy,
  };
  const { header, headerBytes, parts } = encodeSettled(group, rollouts, 'raw');
  return toStoredGroup(header, headerBytes, parts);
}

function rolloutOf(
  data: ScoredData,
  index: number,
  kept: KeptFields,
  as: StoredAs & { readonly taskKey: string },
): SettledRollout {
  const id = `${as.groupId}/${index}`;
  const segment = segmentOf(data, index, kept, as.policyVersion);
  const trained = trainedLength(segment.spans);
  const row: Row = { ...segment, id: `${id}/0`, rolloutId: id, segmentId: segment.id, agent: '' };
  const rollout: Rollout = {
    id,
    groupId: as.groupId,
    taskKey: as.taskKey,
    index,
    result: resultOf(data, index, kept),
    outcome: { kind: 'scored', reward: data.scores[index] as number, components: [] },
    segments: [segment],
    ledger: { ...emptyLedger(), sampled: trained, trained },
    provenance: {
      environment: as.environment,
      environmentVersion: '',
      verifierVersion: '',
      model: '',
      sampling: data.temperature === undefined ? {} : { temperature: data.temperature },
      rendering: { tokenizerSha256: '', templateSha256: '' },
      isolation: '',
      workerId: '',
      logprobMode: segment.logprobs === undefined ? '' : 'unknown',
    },
    startTimeMs: as.nowMs,
    endTimeMs: as.nowMs,
    calls: [],
    metrics: {},
  };
  return { rollout, rows: [row], masked: false };
}

/** The version that the run was at when the group came is all that is known of its age. */
function segmentOf(
  data: ScoredData,
  index: number,
  { given }: KeptFields,
  announcedVersion: number,
): Segment {
  const tokenIds = data.tokens[index] as Int32Array;
  const spans = spansOfMask(data.masks[index] as Int32Array);
  const sampled = trainedLength(spans);
  const logprobs = logprobsOf(data, index);
  const exact = logprobs && exactColumn('logprobs', logprobs, { axis: 'sampled_tokens' });
  return {
    id: '0',
    parent: undefined,
    reason: 'start',
    reasonDetail: '',
    agent: '',
    rendering: { tokenizerSha256: '', templateSha256: '' },
    tokenIds,
    // No logprobs at all is how a row without sampled tokens says it has them.
    logprobs: logprobs && Float32Array.from(logprobs),
    spans,
    policyVersions: sampled === 0 ? [] : [{ length: sampled, announcedVersion }],
    columns: [...(exact === undefined ? [] : [exact]), ...otherColumns(data, index, given)],
  };
}

function otherColumns(data: ScoredData, index: number, given: KeptFields['given']): Column[] {
  const isColumn = (name: ColumnField): boolean => given.get(name) === 'columns';
  const axis = 'all_tokens';
  const columns: Column[] = [];
  if (isColumn('advantages')) {
    columns.push(...floatColumns('advantages', data.advantages?.[index] as Float64Array, { axis }));
  }
  if (isColumn('ref_logprobs')) {
    const values = data.refLogprobs?.[index] as Float64Array;
    columns.push(...floatColumns('reference_logprobs', values, { axis }));
  }
  if (isColumn('distill_token_ids')) {
    const ids = data.distilled.ids?.[index] ?? [];
    const logprobs = data.distilled.logprobs?.[index] ?? [];
    const k = ids[0]?.length ?? 0;
    const flat = Float64Array.from(logprobs.flatMap((row) => [...row]));
    columns.push(
      intColumn('distill_token_ids', Int32Array.from(ids.flatMap((row) => [...row])), k),
      ...floatColumns('distill_logprobs', flat, { axis, entryShape: [k] }),
    );
  }
  return columns;
}

/** Undefined where the environment said none, or something that can't be one. */
function logprobsOf(data: ScoredData, index: number): Float64Array | undefined {
  const pushed = data.inferenceLogprobs?.[index];
  const mask = data.masks[index] as Int32Array;
  if (pushed === undefined || flawOf(pushed, mask) !== undefined) return undefined;
  return trainedLogprobs(pushed, mask);
}

function resultOf(data: ScoredData, index: number, kept: KeptFields): AgentResult {
  const messages: Message[] = [...transcriptOf(data.messages?.[index] ?? [])];
  if (index === 0) {
    const json = writeKeptFields(kept);
    messages.push({ role: 'user', content: [{ kind: 'opaque', type: KEPT_FIELDS_TYPE, json }] });
  }
  return { ...unplayedResult('natural', 'pushed through the Atropos gateway.'), messages };
}

/** The same prompt has the same key: Atropos has no name for a task. */
function taskKeyOf({ tokens, masks }: ScoredData): string {
  const [ids, mask] = [tokens[0] as Int32Array, masks[0] as Int32Array];
  const end = mask.findIndex((value) => value !== IGNORED);
  const prompt = ids.subarray(0, end < 0 ? ids.length : end);
  return `prompt-${createHash('sha256').update(encodeInt32(prompt)).digest('hex').slice(0, 16)}`;
}
