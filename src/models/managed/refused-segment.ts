import { type RenderingFingerprint, type Segment, SegmentBuilder } from '../../tokens/index.ts';

/**
 * Of the ids that were sampled and refused, those that a segment can hold. What stood in place of an id and
 * is none can't be kept as any, so it is told and not counted.
 */
export function readably(
  tokenIds: Int32Array,
  why: string,
): { readonly tokenIds: Int32Array; readonly why: string } {
  const ids = tokenIds.filter((id) => id >= 0);
  const none = tokenIds.length - ids.length;
  if (none === 0) return { tokenIds, why };
  return {
    tokenIds: ids,
    why: `${why} ${none} of ${tokenIds.length} ids are none and not counted.`,
  };
}

/**
 * A generation that was refused, as a segment of its own: its tokens were sampled, so they are in the
 * account, as those of a call whose reply nobody got. Undefined for ids that no segment can hold.
 */
export function refusedSegment(refused: {
  readonly id: string;
  readonly reason: string;
  readonly promptTokenIds: Int32Array;
  readonly tokenIds: Int32Array;
  readonly callIndex: number;
  readonly announcedVersion: number;
  readonly rendering: RenderingFingerprint;
}): Segment | undefined {
  const { id, reason, rendering, tokenIds, callIndex, announcedVersion } = refused;
  if (tokenIds.length === 0 || tokenIds.some((token) => token < 0)) return undefined;
  const builder = new SegmentBuilder({
    id,
    reason: 'branch',
    reasonDetail: `the generation was refused: ${reason}`,
    rendering,
  });
  builder.append(refused.promptTokenIds, { origin: 'prompt' });
  builder.appendSampled(tokenIds, undefined, { callIndex, announcedVersion });
  const segment = builder.build();
  const spans = segment.spans.map((span) =>
    span.origin === 'sampled' ? ({ ...span, loss: 'abandoned_retry' } as const) : span,
  );
  return { ...segment, spans };
}
