import type { OverLength } from './over-length.ts';
import type { Column, Row, Segment, Span } from './segment.ts';
import { pushSpan, sampledLength, sliceRuns, trainedLength } from './spans.ts';
import { columnEntryBytes } from './validate.ts';

/** A part of a segment that becomes a row: it trains what is trained from `from` on. */
interface Piece {
  readonly start: number;
  readonly from: number;
  readonly end: number;
}

/**
 * The rows of a segment whose spans are final. One that is longer than `maxRowTokens` is cut there, or
 * split: then each part that follows trains on from where the one before ended, with half of a row's length
 * of what stands before it as context.
 */
export function rowsOfSegment(
  segment: Segment,
  spans: readonly Span[],
  options: {
    readonly rolloutId: string;
    /** 0 for any. */
    readonly maxRowTokens: number;
    readonly overLength: OverLength;
  },
): readonly Row[] {
  const { rolloutId, maxRowTokens, overLength } = options;
  const { length } = segment.tokenIds;
  const isLong = maxRowTokens > 0 && length > maxRowTokens;
  const end = isLong ? maxRowTokens : length;
  const whole = { start: 0, from: 0, end };
  // Where nothing is trained, as in a masked rollout, one row says so as well as many.
  const isSplit = isLong && overLength === 'split' && trainedLength(spans) > 0;
  const pieces = isSplit ? piecesOf(spans, maxRowTokens) : [whole];
  return pieces
    .map((piece) => pieceRow(rolloutId, segment, spans, piece))
    .filter((row) => sampledLength(row.spans) > 0);
}

function piecesOf(spans: readonly Span[], longest: number): readonly Piece[] {
  const pieces: Piece[] = [];
  const context = Math.floor(longest / 2);
  let position = 0;
  let done = 0;
  for (const { length, loss } of spans) {
    const spanEnd = position + length;
    while (loss === 'trained' && done < spanEnd) {
      const from = Math.max(position, done);
      const isFirst = pieces.length === 0 && from < longest;
      const start = isFirst ? 0 : Math.max(0, from - context);
      done = start + longest;
      pieces.push({ start, from, end: done });
    }
    position = spanEnd;
  }
  return pieces.map((piece) => ({ ...piece, end: Math.min(piece.end, position) }));
}

function pieceRow(
  rolloutId: string,
  segment: Segment,
  all: readonly Span[],
  { start, from, end }: Piece,
): Row {
  const { id, agent, tokenIds, logprobs, policyVersions, columns } = segment;
  const spans: Span[] = [];
  let position = 0;
  for (const span of all) {
    const [first, last] = [Math.max(position, start), Math.min(position + span.length, end)];
    const middle = span.loss === 'trained' ? Math.min(Math.max(from, first), last) : first;
    // Trained in the piece before.
    if (middle > first) pushSpan(spans, { ...span, length: middle - first, loss: 'context_only' });
    if (last > middle) pushSpan(spans, { ...span, length: last - middle });
    position += span.length;
  }
  const before = sampledLength(sliceRuns(all, 0, start));
  const sampled = { start: before, end: before + sampledLength(spans) };
  const base = { rolloutId, segmentId: id, agent, spans };
  if (start === 0 && end === tokenIds.length) {
    return { ...base, id: `${rolloutId}/${id}`, tokenIds, logprobs, policyVersions, columns };
  }
  return {
    ...base,
    id: start === 0 ? `${rolloutId}/${id}` : `${rolloutId}/${id}/${start}`,
    ...(start > 0 && { segmentOffset: start }),
    tokenIds: tokenIds.subarray(start, end),
    logprobs: logprobs?.subarray(sampled.start, sampled.end),
    policyVersions: sliceRuns(policyVersions, sampled.start, sampled.end),
    columns: columns.map((column) =>
      cutColumn(column, column.axis === 'all_tokens' ? { start, end } : sampled),
    ),
  };
}

function cutColumn(column: Column, part: { readonly start: number; readonly end: number }): Column {
  const bytes = columnEntryBytes(column);
  return { ...column, data: column.data.subarray(part.start * bytes, part.end * bytes) };
}
