import { disagreements, type Rollout } from '../../contract/index.ts';
import type { Segment, Span } from '../../tokens/index.ts';
import { visible } from '../visible.ts';
import { ledgerSum } from '../words.ts';
import { type Paint, paintOf } from './paint.ts';

export interface TokenViewOptions {
  readonly color: boolean;
  readonly columns: number;
  /** Of some ids; undefined where no tokenizer is known, and then the ids are shown. */
  readonly textOf: ((ids: Int32Array) => string) | undefined;
}

/** A rollout's segments, span by span and token by token, and where its sampled tokens went. */
export function tokenLines(rollout: Rollout, options: TokenViewOptions): readonly string[] {
  const paint = paintOf(options.color);
  const { outcome } = rollout;
  const end =
    outcome.kind === 'scored'
      ? `reward ${outcome.reward}`
      : `not scored: ${outcome.failure.reason}`;
  return [
    paint.strong(visible(`rollout ${rollout.id}  task ${rollout.taskKey}  ${end}`)),
    `ledger  ${ledgerSum(rollout.ledger)}`,
    ...disagreementLines(rollout),
    ...callLines(rollout),
    ...(rollout.segments.length === 0
      ? ['no tokens: a direct model server played it']
      : rollout.segments.flatMap((segment) => segmentLines(segment, paint, options))),
    '',
  ];
}

/** More say nothing new. */
const MAX_DISAGREEMENTS = 20;

/** Where ledger and calls say something else than the spans below. */
function disagreementLines(rollout: Rollout): readonly string[] {
  const all = [...disagreements(rollout, 'rollout')];
  const lines = all
    .slice(0, MAX_DISAGREEMENTS)
    .map(({ message }) => visible(`DOES NOT AGREE: ${message}`));
  const more = all.length - lines.length;
  return more > 0 ? [...lines, `DOES NOT AGREE: ${more} more`] : lines;
}

/** Only what the segments do not tell: lineage, and calls whose reply nobody got. */
function callLines({ calls }: Rollout): readonly string[] {
  return calls.flatMap(({ index, callId, parentCallId, agent, purpose, failed }) => {
    const said = [
      ...(callId === '' ? [] : [`id ${callId}`]),
      ...(parentCallId === '' ? [] : [`after ${parentCallId}`]),
      ...(agent === '' ? [] : [`agent ${agent}`]),
      ...(purpose === '' ? [] : [`purpose ${purpose}`]),
      ...(failed ? ['failed'] : []),
    ];
    return said.length === 0 ? [] : [visible(`call ${index}  ${said.join('  ')}`)];
  });
}

function segmentLines(segment: Segment, paint: Paint, options: TokenViewOptions): string[] {
  const { id, reason, reasonDetail, parent, agent, tokenIds } = segment;
  const head = [
    `segment ${id}`,
    agent === '' ? reason : `${reason} (agent ${agent})`,
    `${tokenIds.length} tokens`,
    ...(parent === undefined ? [] : [`the first ${parent.sharedTokens} of ${parent.id}`]),
    ...(reasonDetail === '' ? [] : [reasonDetail]),
  ];
  const lines = ['', paint.strong(visible(head.join('  ')))];
  const versions = versionsOf(segment);
  let position = 0;
  let sampled = 0;
  for (const span of segment.spans) {
    const ids = tokenIds.subarray(position, position + span.length);
    const isSampled = span.origin === 'sampled';
    const logprobs = isSampled
      ? segment.logprobs?.subarray(sampled, sampled + span.length)
      : undefined;
    const version = isSampled ? versions.slice(sampled, sampled + span.length) : [];
    lines.push(spanHead(span, logprobs, version, paint));
    lines.push(...tokensOf(ids, span, logprobs, paint, options));
    position += span.length;
    if (isSampled) sampled += span.length;
  }
  return lines;
}

/** One per sampled token. */
function versionsOf({ policyVersions }: Segment): readonly number[] {
  return policyVersions.flatMap(({ length, announcedVersion, reportedVersion }) =>
    new Array<number>(length).fill(reportedVersion ?? announcedVersion),
  );
}

function spanHead(
  { origin, loss, length, messageIndex, callIndex }: Span,
  logprobs: Float32Array | undefined,
  versions: readonly number[],
  paint: Paint,
): string {
  const kinds = [...new Set(versions)];
  const mean = logprobs && logprobs.reduce((sum, value) => sum + value, 0) / logprobs.length;
  const parts = [
    origin === 'sampled' ? `${origin}, ${loss}` : origin,
    `${length} token${length === 1 ? '' : 's'}`,
    ...(messageIndex === undefined ? [] : [`message ${messageIndex}`]),
    ...(callIndex === undefined ? [] : [`call ${callIndex}`]),
    ...(kinds.length === 0 ? [] : [`version ${kinds.join(', ')}`]),
    ...(mean === undefined ? [] : [`mean logprob ${mean.toFixed(3)}`]),
  ];
  return `  ${paint.span(origin, loss)(visible(parts.join('  ')))}`;
}

/** The tokens, wrapped; sampled ones in the colour of their logprob. */
function tokensOf(
  ids: Int32Array,
  { origin, loss }: Span,
  logprobs: Float32Array | undefined,
  paint: Paint,
  { textOf, columns }: TokenViewOptions,
): string[] {
  const width = Math.max(20, columns - 4);
  const lines: string[] = [];
  let line = '';
  let used = 0;
  ids.forEach((id, at) => {
    const text = textOf === undefined ? `${id} ` : shown(id, textOf);
    if (used > 0 && used + text.length > width) {
      lines.push(`    ${line}`);
      line = '';
      used = 0;
    }
    line += paint.token(origin, loss, logprobs?.[at])(text);
    used += text.length;
  });
  if (used > 0) lines.push(`    ${line}`);
  return lines;
}

/** A token's text; `<id>` for an id that the tokenizer lacks. */
function shown(id: number, textOf: (ids: Int32Array) => string): string {
  let text = '';
  try {
    text = visible(textOf(Int32Array.of(id)));
  } catch {
    // Told below, like an id that the tokenizer passes over.
  }
  return text === '' ? `<${id}>` : text;
}
