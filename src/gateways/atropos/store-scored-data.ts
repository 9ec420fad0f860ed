import { createHash } from 'node:crypto';
import { type AgentResult, unplayedResult } from '../../agent/index.ts';
import type { RunState, StoredGroup } from '../../broker/index.ts';
import { encodeSettled, type Group, type Rollout, toStoredGroup } from '../../contract/index.ts';
import type { Message } from '../../messages.ts';
import {
  type Column,
  emptyLedger,
  type Row,
  type Segment,
  trainedLength,
} from '../../tokens/index.ts';
import { encodeInt32 } from '../../wire/index.ts';
import { transcriptOf } from './chat-transcript.ts';
import { exactColumn, floatColumns, intColumn } from './float-column.ts';
import { floatsText } from './float-text.ts';
import {
  type ColumnField,
  KEPT_FIELDS_TYPE,
  type KeptFields,
  writeKeptFields,
} from './kept-fields.ts';
import { IGNORED, isRegular, spansOfMask } from './mask-spans.ts';
import type { ScoredData } from './scored-data.ts';

export interface StoredAs {
  readonly groupId: string;
  readonly run: RunState;
  /** The environment's name. */
  readonly environment: string;
  readonly nowMs: number;
}

/**
 * A pushed group as one of ours: a sequence is a rollout of one segment and one row, also where nothing
 * of it is trained, since Atropos counts a batch in sequences. It is encoded and validated as any other.
 */
export function storeScoredData(data: ScoredData, as: StoredAs): StoredGroup {
  const kept = keptFieldsOf(data);
  const rollouts = data.tokens.map((_, index) => rolloutOf(data, index, kept, as));
  const group: Group = {
    id: as.groupId,
    runId: as.run.id,
    environment: as.environment,
    taskKey: rollouts[0]?.rollout.taskKey ?? '',
    rollouts: rollouts.map(({ rollout }) => rollout),
    trainingPolicy: as.run.settings.trainingPolicy,
  };
  const { header, headerBytes, parts } = encodeSettled(group, rollouts, 'raw');
  return toStoredGroup(header, headerBytes, parts);
}

function rolloutOf(data: ScoredData, index: number, kept: KeptFields, as: StoredAs) {
  const id = `${as.groupId}/${index}`;
  const segment = segmentOf(data, index, kept, as.run.policyVersion);
  const trained = trainedLength(segment.spans);
  const row: Row = { ...segment, id: `${id}/0`, rolloutId: id, segmentId: segment.id, agent: '' };
  const rollout: Rollout = {
    id,
    groupId: as.groupId,
    taskKey: taskKeyOf(data),
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
  const trainedLogprobs =
    given.get('inference_logprobs') === 'columns'
      ? atTrained(data.inferenceLogprobs?.[index] as Float64Array, data.masks[index] as Int32Array)
      : undefined;
  const exact =
    trainedLogprobs && exactColumn('logprobs', trainedLogprobs, { axis: 'sampled_tokens' });
  return {
    id: '0',
    parent: undefined,
    reason: 'start',
    reasonDetail: '',
    agent: '',
    rendering: { tokenizerSha256: '', templateSha256: '' },
    tokenIds,
    // No logprobs at all is how a row without sampled tokens says it has them.
    logprobs: trainedLogprobs && Float32Array.from(trainedLogprobs),
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

function keptFieldsOf(data: ScoredData): KeptFields {
  const given = new Map<ColumnField, 'columns' | 'empty' | 'text'>();
  const text = new Map(data.opaque);
  const note = (name: ColumnField, rows: readonly unknown[] | undefined): void => {
    if (rows !== undefined) given.set(name, rows.length === 0 ? 'empty' : 'columns');
  };
  note('advantages', data.advantages);
  note('ref_logprobs', data.refLogprobs);
  note('inference_logprobs', data.inferenceLogprobs);
  note('distill_token_ids', data.distilled.ids);
  note('distill_logprobs', data.distilled.logprobs);
  if (given.get('distill_token_ids') === 'columns' && !isUniform(data)) {
    for (const name of ['distill_token_ids', 'distill_logprobs'] as const) given.set(name, 'text');
    text.set(
      'distill_token_ids',
      cubeText(data.distilled.ids, (row) => `[${row.join(',')}]`),
    );
    text.set('distill_logprobs', cubeText(data.distilled.logprobs, floatsText));
  }
  const fills = new Map<number, number | readonly number[]>();
  const masks = new Map<number, readonly number[]>();
  data.masks.forEach((mask, i) => {
    if (!isRegular(data.tokens[i] as Int32Array, mask)) masks.set(i, [...mask]);
    const logprobs = data.inferenceLogprobs?.[i];
    if (logprobs === undefined) return;
    const filled = [...logprobs.filter((_, at) => mask[at] === IGNORED)];
    const [first = 1] = filled;
    const same = filled.every((value) => value === first);
    if (!same) fills.set(i, filled);
    else if (first !== 1) fills.set(i, first);
  });
  return { envId: data.envId, given, fills, masks, text };
}

/** Whether every position has the same number of choices, at least one: then they are a column. */
function isUniform({ distilled }: ScoredData): boolean {
  const k = distilled.ids?.[0]?.[0]?.length ?? 0;
  const sequences = distilled.ids ?? [];
  return k > 0 && sequences.every((sequence) => sequence.every(({ length }) => length === k));
}

function cubeText<Row>(
  cube: readonly (readonly Row[])[] = [],
  write: (row: Row) => string,
): string {
  return `[${cube.map((rows) => `[${rows.map(write).join(',')}]`).join(',')}]`;
}

function atTrained(values: Float64Array, mask: Int32Array): Float64Array {
  return values.filter((_, at) => mask[at] !== IGNORED);
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
