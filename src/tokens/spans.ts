import type { Span, VersionRun } from './segment.ts';

/** Tokens of all spans. */
export function spansLength(spans: readonly Span[]): number {
  return spans.reduce((sum, span) => sum + span.length, 0);
}

/** Sampled tokens of all spans, whatever their loss state. */
export function sampledLength(spans: readonly Span[]): number {
  return spans.reduce((sum, span) => sum + (span.origin === 'sampled' ? span.length : 0), 0);
}

/** Tokens in the loss. */
export function trainedLength(spans: readonly Span[]): number {
  return spans.reduce((sum, span) => sum + (span.loss === 'trained' ? span.length : 0), 0);
}

/** Adds a span at the end, merged with the last one where only the length differs. */
export function pushSpan(spans: Span[], span: Span): void {
  if (span.length === 0) return;
  const last = spans.at(-1);
  if (
    last !== undefined &&
    last.origin === span.origin &&
    last.loss === span.loss &&
    last.messageIndex === span.messageIndex &&
    last.callIndex === span.callIndex
  ) {
    spans[spans.length - 1] = { ...last, length: last.length + span.length };
  } else {
    spans.push(span);
  }
}

/** Adds a version run at the end, merged with the last one where only the length differs. */
export function pushVersionRun(runs: VersionRun[], run: VersionRun): void {
  if (run.length === 0) return;
  const last = runs.at(-1);
  if (
    last !== undefined &&
    last.announcedVersion === run.announcedVersion &&
    last.reportedVersion === run.reportedVersion
  ) {
    runs[runs.length - 1] = { ...last, length: last.length + run.length };
  } else {
    runs.push(run);
  }
}

/** The runs (spans or version runs) of the tokens from `start` to before `end`. */
export function sliceRuns<Run extends { readonly length: number }>(
  runs: readonly Run[],
  start: number,
  end: number,
): Run[] {
  const slice: Run[] = [];
  let position = 0;
  for (const run of runs) {
    const length = Math.min(position + run.length, end) - Math.max(position, start);
    if (length > 0) slice.push(length === run.length ? run : { ...run, length });
    position += run.length;
  }
  return slice;
}
