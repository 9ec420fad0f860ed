import { floatsText } from './float-text.ts';
import type { ColumnField, KeptFields } from './kept-fields.ts';
import { IGNORED, isRegular } from './mask-spans.ts';
import { isRebuilt, logprobsText, type PushedLogprobs } from './pushed-logprobs.ts';
import type { ScoredData } from './scored-data.ts';

/** What of a pushed group has to be kept beside its columns, and which of its fields are columns. */
export function keptFieldsOf(data: ScoredData): KeptFields {
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
  const logprobs = new Map<number, string>();
  const masks = new Map<number, readonly number[]>();
  data.masks.forEach((mask, i) => {
    if (!isRegular(data.tokens[i] as Int32Array, mask)) masks.set(i, [...mask]);
    const pushed = data.inferenceLogprobs?.[i];
    if (pushed === undefined) return;
    if (!isRebuilt(pushed, mask)) {
      logprobs.set(i, logprobsText(pushed));
      return;
    }
    const fill = fillOf(pushed, mask);
    if (fill !== 1) fills.set(i, fill);
  });
  return { envId: data.envId, given, fills, logprobs, masks, text };
}

/** What stands at the untrained positions: one value, or theirs in order. */
function fillOf(logprobs: PushedLogprobs, mask: Int32Array): number | readonly number[] {
  const filled = logprobs.filter((_, at) => mask[at] === IGNORED) as number[];
  const [first = 1] = filled;
  return filled.every((value) => value === first) ? first : filled;
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
