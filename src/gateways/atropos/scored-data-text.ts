import { type GroupHeader, GroupPartKind } from '../../../gen/lachesis/v1/group_pb.ts';
import { decodeGroupHeader, decodePart, decodeRollout, decodeRow } from '../../contract/index.ts';
import type { Row } from '../../tokens/index.ts';
import { readExactColumn, readFloatColumn, readIntColumn } from './float-column.ts';
import { floatsText } from './float-text.ts';
import {
  type ColumnField,
  KEPT_FIELDS_TYPE,
  type KeptFields,
  readKeptFields,
} from './kept-fields.ts';
import { maskOfSpans } from './mask-spans.ts';

/** A stored group's bytes. */
export interface GroupBytes {
  readonly header: Uint8Array;
  readonly parts: readonly Uint8Array[];
}

/** Position values where nothing is trained, by Atropos' convention. */
const FILL = 1;

/**
 * A stored group as the JSON text of a ScoredData with every key, a row of a field at a time, so that
 * whoever writes it can breathe in between. `envIdOf` names environments whose groups came another way.
 */
export function* scoredDataText(
  bytes: GroupBytes,
  envIdOf: (environment: string) => number | undefined,
): Generator<string> {
  const header = decodeGroupHeader(bytes.header);
  const { parts } = bytes;
  const rows = rowsOf(header, parts);
  const kept = keptOf(header, parts) ?? foreignFields(rows, envIdOf(header.environment));
  const decoded = rows.map(({ row }) => row);
  yield '{';
  yield* field('tokens', decoded, ({ tokenIds }) => `[${tokenIds.join(',')}]`);
  yield ',';
  yield* field('masks', decoded, (row, i) => `[${maskOf(row, kept.masks.get(i)).join(',')}]`);
  const scores = rows.map(({ rolloutIndex }) => header.rollouts[rolloutIndex]?.reward ?? 0);
  yield `,"scores":${floatsText(scores)},`;
  yield* column('advantages', ({ columns }) => readFloatColumn(columns, 'advantages')?.values);
  yield* column(
    'ref_logprobs',
    ({ columns }) => readFloatColumn(columns, 'reference_logprobs')?.values,
  );
  yield* text('messages', 'generation_params');
  yield* column(
    'inference_logprobs',
    (row, i) => kept.logprobs.get(i) ?? logprobsOf(row, kept.fills.get(i)),
  );
  yield* text('overrides', 'group_overrides', 'images');
  yield `"env_id":${kept.envId ?? 'null'},`;
  yield* distilled('distill_token_ids', (values) => `[${values.join(',')}]`);
  yield ',';
  yield* distilled('distill_logprobs', floatsText);
  yield '}';

  function* column(
    name: ColumnField,
    values: (row: Row, index: number) => ArrayLike<number> | string | undefined,
  ): Generator<string> {
    if (kept.given.get(name) === 'columns') {
      yield* field(name, decoded, (row, i) => {
        const found = values(row, i) ?? [];
        return typeof found === 'string' ? found : floatsText(found);
      });
      yield ',';
    } else yield `"${name}":${kept.given.get(name) === 'empty' ? '[]' : 'null'},`;
  }

  function* text(...names: readonly string[]): Generator<string> {
    for (const name of names) yield `"${name}":${kept.text.get(name) ?? 'null'},`;
  }

  function* distilled(
    name: 'distill_token_ids' | 'distill_logprobs',
    write: (values: ArrayLike<number> & { join(by: string): string }) => string,
  ): Generator<string> {
    const given = kept.given.get(name);
    if (given !== 'columns') {
      yield `"${name}":${given === 'empty' ? '[]' : (kept.text.get(name) ?? 'null')}`;
      return;
    }
    yield* field(name, decoded, ({ columns, tokenIds }) => {
      const logprobs = readFloatColumn(columns, 'distill_logprobs');
      const k = logprobs?.entryShape[0] ?? 0;
      const values = name === 'distill_logprobs' ? logprobs?.values : readIntColumn(columns, name);
      const rows = Array.from(tokenIds, (_, at) =>
        write((values ?? new Int32Array()).subarray(at * k, (at + 1) * k)),
      );
      return `[${rows.join(',')}]`;
    });
  }
}

function* field(
  name: string,
  rows: readonly Row[],
  write: (row: Row, index: number) => string,
): Generator<string> {
  for (const [index, row] of rows.entries()) {
    yield `${index === 0 ? `"${name}":[` : ','}${write(row, index)}`;
  }
  yield rows.length === 0 ? `"${name}":[]` : ']';
}

function rowsOf(
  header: GroupHeader,
  parts: readonly Uint8Array[],
): readonly { readonly row: Row; readonly rolloutIndex: number }[] {
  return header.parts.flatMap((part, i) => {
    if (part.kind !== GroupPartKind.ROW) return [];
    const bytes = decodePart(part, parts[i] as Uint8Array, `parts[${i}]`);
    return [{ row: decodeRow(bytes, `parts[${i}]`), rolloutIndex: part.rolloutIndex }];
  });
}

function keptOf(header: GroupHeader, parts: readonly Uint8Array[]): KeptFields | undefined {
  const at = header.parts.findIndex(
    ({ kind, rolloutIndex }) => kind === GroupPartKind.ROLLOUT && rolloutIndex === 0,
  );
  const part = header.parts[at];
  if (part === undefined) return undefined;
  const bytes = decodePart(part, parts[at] as Uint8Array, `parts[${at}]`);
  const last = decodeRollout(bytes, [], `parts[${at}]`).result.messages.at(-1);
  for (const content of last?.content ?? []) {
    if (content.kind === 'opaque' && content.type === KEPT_FIELDS_TYPE) {
      return readKeptFields(content.json);
    }
  }
  return undefined;
}

const EMPTY = { fills: new Map(), logprobs: new Map(), masks: new Map(), text: new Map() };

/** Of a group that did not come through here: what its columns hold. */
function foreignFields(
  rows: readonly { readonly row: Row }[],
  envId: number | undefined,
): KeptFields {
  const given = new Map<ColumnField, 'columns'>();
  const all = (name: string): boolean =>
    rows.every(
      ({ row }) => readFloatColumn(row.columns, name)?.values.length === row.tokenIds.length,
    );
  if (rows.every(({ row }) => row.logprobs !== undefined))
    given.set('inference_logprobs', 'columns');
  if (all('advantages')) given.set('advantages', 'columns');
  if (all('reference_logprobs')) given.set('ref_logprobs', 'columns');
  return { envId, given, ...EMPTY };
}

function maskOf(row: Row, kept: readonly number[] | undefined): Int32Array | readonly number[] {
  if (kept?.length === row.tokenIds.length) return kept;
  return maskOfSpans(row.tokenIds, row.spans);
}

/** By position: the logprob where it is trained, the fill elsewhere. */
function logprobsOf(row: Row, fill: number | readonly number[] = FILL): Float64Array {
  const exact = readExactColumn(row.columns, 'logprobs');
  const sampled = exact ?? row.logprobs ?? new Float32Array();
  const values = new Float64Array(row.tokenIds.length);
  let at = 0;
  let ofSampled = 0;
  let untrained = 0;
  for (const { length, origin, loss } of row.spans) {
    for (let end = at + length; at < end; at++) {
      if (loss === 'trained') values[at] = sampled[ofSampled] ?? FILL;
      else values[at] = typeof fill === 'number' ? fill : (fill[untrained++] ?? FILL);
      if (origin === 'sampled') ofSampled += 1;
    }
  }
  return values;
}
