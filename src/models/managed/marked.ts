import type { Segment, Span } from '../../tokens/index.ts';
import type { EngineGeneration } from '../engine.ts';
import type { ChatRenderer } from '../rendering/chat-renderer.ts';
import { type GenerationRules, isFinish } from './check-generation.ts';

/**
 * What can be kept of a generation whose numbers don't agree: its ids, if they are ids at all. Its
 * logprobs become NaN, which never leaves the session, since its segment then has none.
 */
export function unreliable(
  generation: EngineGeneration,
  { vocabularySize, logprobsRequired }: GenerationRules,
): EngineGeneration | undefined {
  const { tokenIds } = generation;
  if (tokenIds.length === 0 || tokenIds.some((id) => id < 0 || id >= vocabularySize)) {
    return undefined;
  }
  return {
    ...generation,
    finish: isFinish(generation.finish) ? generation.finish : 'abort',
    logprobs: logprobsRequired ? new Float32Array(tokenIds.length).fill(Number.NaN) : undefined,
    versions: [],
  };
}

/** A segment that holds a marked call: it has no logprobs, and none of what was sampled is trained. */
export function withMarked(segment: Segment, marked: ReadonlySet<number>): Segment {
  const holds = segment.spans.some(
    ({ callIndex }) => callIndex !== undefined && marked.has(callIndex),
  );
  if (!holds) return segment;
  const spans = segment.spans.map(
    (span): Span => (span.loss === 'trained' ? { ...span, loss: 'not_for_training' } : span),
  );
  return { ...segment, logprobs: undefined, spans };
}

/** The text of sampled ids, with and without the token that closed the turn. */
export function decodedBothWays(
  renderer: ChatRenderer,
  tokenIds: Int32Array,
): { readonly all: string; readonly open: string } {
  const all = renderer.decode(tokenIds);
  const closed = renderer.stopTokenIds.includes(tokenIds.at(-1) ?? -1);
  return { all, open: closed ? renderer.decode(tokenIds.subarray(0, -1)) : all };
}
