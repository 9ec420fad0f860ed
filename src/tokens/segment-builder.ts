import { LachesisError } from '../errors.ts';
import type {
  RenderingFingerprint,
  Segment,
  SegmentReason,
  Span,
  SpanOrigin,
  VersionRun,
} from './segment.ts';
import { pushSpan, pushVersionRun, sampledLength } from './spans.ts';

export interface SegmentBuilderOptions {
  readonly id: string;
  readonly reason: SegmentReason;
  readonly reasonDetail?: string;
  readonly agent?: string;
  readonly parent?: { readonly id: string; readonly sharedTokens: number };
  readonly rendering: RenderingFingerprint;
}

/** Which call sampled a run of tokens, and under which versions. */
export interface SampledRun {
  readonly callIndex: number;
  readonly messageIndex?: number;
  readonly announcedVersion: number;
  /** What the engine reported: tiles the ids, or empty when it reports none. */
  readonly versions?: readonly { readonly length: number; readonly version: number }[];
}

/** Grows one segment. Tokens are only ever added at the end; nothing is rewritten. */
export class SegmentBuilder {
  readonly id: string;
  readonly #options: SegmentBuilderOptions;
  #ids = new Int32Array(256);
  #length = 0;
  #logprobs = new Float32Array(64);
  #sampled = 0;
  #hasLogprobs: boolean | undefined;
  readonly #spans: Span[] = [];
  readonly #versions: VersionRun[] = [];

  constructor(options: SegmentBuilderOptions) {
    this.id = options.id;
    this.#options = options;
  }

  /** Tokens so far. */
  get length(): number {
    return this.#length;
  }

  /** All ids so far; a view that is valid until the next append. */
  ids(): Int32Array {
    return this.#ids.subarray(0, this.#length);
  }

  /** Adds tokens that the policy did not sample. */
  append(
    ids: Int32Array | readonly number[],
    span: { readonly origin: Exclude<SpanOrigin, 'sampled'>; readonly messageIndex?: number },
  ): void {
    this.#appendIds(ids);
    pushSpan(this.#spans, { ...span, length: ids.length, loss: 'not_sampled' });
  }

  /** Adds tokens that the policy sampled, with the engine's own logprobs for all of them or for none. */
  appendSampled(ids: Int32Array, logprobs: Float32Array | undefined, run: SampledRun): void {
    if (ids.length === 0) return;
    if (logprobs !== undefined && logprobs.length !== ids.length) {
      throw new LachesisError(
        'model_error',
        `The engine gave ${logprobs.length} logprobs for ${ids.length} sampled ids.`,
        { reason: 'LOGPROBS_LENGTH' },
      );
    }
    const has = logprobs !== undefined;
    if (this.#hasLogprobs !== undefined && this.#hasLogprobs !== has) {
      throw new LachesisError(
        'model_error',
        'The engine gave logprobs for some calls of a segment and not for others.',
        { reason: 'LOGPROBS_MISSING', remedy: 'Ask the engine for logprobs at every call.' },
      );
    }
    this.#hasLogprobs = has;
    this.#appendIds(ids);
    if (logprobs !== undefined) {
      this.#logprobs = grown(this.#logprobs, this.#sampled, ids.length);
      this.#logprobs.set(logprobs, this.#sampled);
    }
    this.#sampled += ids.length;
    pushSpan(this.#spans, {
      length: ids.length,
      origin: 'sampled',
      loss: 'trained',
      callIndex: run.callIndex,
      ...(run.messageIndex === undefined ? {} : { messageIndex: run.messageIndex }),
    });
    this.#appendVersions(ids.length, run);
  }

  /**
   * Copies the first `length` tokens of another segment, spans, logprobs and versions included:
   * the shared prefix of a branch, exact and without tokenising anything again.
   */
  appendPrefixOf(other: Segment, length: number): void {
    let token = 0;
    let sampled = 0;
    for (const span of other.spans) {
      if (token >= length) break;
      const take = Math.min(span.length, length - token);
      this.#appendIds(other.tokenIds.subarray(token, token + take));
      pushSpan(this.#spans, { ...span, length: take });
      token += take;
      if (span.origin === 'sampled') sampled += take;
    }
    if (sampled === 0) return;
    this.#hasLogprobs = other.logprobs !== undefined;
    if (other.logprobs !== undefined) {
      this.#logprobs = grown(this.#logprobs, this.#sampled, sampled);
      this.#logprobs.set(other.logprobs.subarray(0, sampled), this.#sampled);
    }
    this.#sampled += sampled;
    let left = sampled;
    for (const run of other.policyVersions) {
      if (left <= 0) break;
      pushVersionRun(this.#versions, { ...run, length: Math.min(run.length, left) });
      left -= run.length;
    }
  }

  /** The segment so far; later appends do not change it. */
  build(): Segment {
    return {
      id: this.id,
      parent: this.#options.parent,
      reason: this.#options.reason,
      reasonDetail: this.#options.reasonDetail ?? '',
      agent: this.#options.agent ?? '',
      tokenIds: this.#ids.slice(0, this.#length),
      logprobs:
        this.#hasLogprobs === true && sampledLength(this.#spans) > 0
          ? this.#logprobs.slice(0, this.#sampled)
          : undefined,
      spans: [...this.#spans],
      policyVersions: [...this.#versions],
      rendering: this.#options.rendering,
      columns: [],
    };
  }

  #appendIds(ids: Int32Array | readonly number[]): void {
    this.#ids = grown(this.#ids, this.#length, ids.length);
    this.#ids.set(ids, this.#length);
    this.#length += ids.length;
  }

  #appendVersions(length: number, run: SampledRun): void {
    const { announcedVersion } = run;
    if (run.versions === undefined || run.versions.length === 0) {
      pushVersionRun(this.#versions, { length, announcedVersion });
      return;
    }
    const reported = run.versions.reduce((sum, part) => sum + part.length, 0);
    if (reported !== length) {
      throw new LachesisError(
        'model_error',
        `The engine reported weight versions for ${reported} of ${length} sampled ids.`,
        { reason: 'VERSIONS_LENGTH' },
      );
    }
    for (const part of run.versions) {
      pushVersionRun(this.#versions, {
        length: part.length,
        announcedVersion,
        reportedVersion: part.version,
      });
    }
  }
}

/** `values` with room for `more` entries after the first `used`, doubled so that appends stay linear. */
function grown<Values extends Int32Array | Float32Array>(
  values: Values,
  used: number,
  more: number,
): Values {
  if (used + more <= values.length) return values;
  const size = Math.max(values.length * 2, used + more);
  const larger = (
    values instanceof Int32Array ? new Int32Array(size) : new Float32Array(size)
  ) as Values;
  larger.set(values.subarray(0, used));
  return larger;
}
