import { type RenderingFingerprint, type Segment, SegmentBuilder } from '../../tokens/index.ts';

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
