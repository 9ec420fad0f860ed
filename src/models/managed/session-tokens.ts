import type { AssistantMessage } from '../../messages.ts';
import {
  isActPurpose,
  type RenderingFingerprint,
  type Segment,
  type Span,
} from '../../tokens/index.ts';
import type { CallLineage, SessionRecord } from '../model-server.ts';
import { Answers, type AskedPrompt } from './answers.ts';
import { CallLog } from './call-log.ts';
import { candidateTracks } from './candidate-tracks.ts';
import { withMarked } from './marked.ts';
import type { PromptPlan } from './plan-prompt.ts';
import { type NewTrack, writePrompt } from './prompt-tokens.ts';
import { refusedSegment } from './refused-segment.ts';
import type { Track } from './track.ts';

export interface RefusedGeneration {
  readonly promptTokenIds: Int32Array;
  readonly tokenIds: Int32Array;
  readonly callIndex: number;
  readonly announcedVersion: number;
  readonly why: string;
}

/** As {@link AskedPrompt}, without what the lineage says. */
type PromptAsked = Omit<AskedPrompt, 'agent' | 'declared' | 'isAct'>;

/** All that a session holds of its calls: the log, the segments in the making and those that were refused. */
export class SessionTokens {
  readonly log = new CallLog();
  readonly #answers = new Answers((callIndex) => this.log.hasFailed(callIndex));
  readonly rendering: RenderingFingerprint;
  readonly #tracks: Track[] = [];
  /** Calls whose numbers didn't agree and were kept: nothing of their segments is trained. */
  readonly #marked = new Set<number>();
  readonly #refused: Segment[] = [];

  constructor(rendering: RenderingFingerprint) {
    this.rendering = rendering;
  }

  get tracks(): readonly Track[] {
    return this.#tracks;
  }

  /** Those that a call can go on from. */
  tracksOf(lineage: CallLineage): readonly Track[] {
    return candidateTracks(this.#tracks, lineage, this.log);
  }

  /** Writes a planned prompt into its track, which is a new one where the plan begins a segment. */
  write(plan: PromptPlan, options: Omit<NewTrack, 'id' | 'rendering'>): Track {
    const id = `s${this.#tracks.length}`;
    const track = writePrompt(plan, { ...options, id, rendering: this.rendering });
    if (plan.kind === 'begin') this.#tracks.push(track);
    return track;
  }

  /** Notes what a prompt makes of the answers so far. */
  asked({ agent = '', parentCallId = '', purpose = '' }: CallLineage, prompt: PromptAsked): void {
    const parent = parentCallId === '' ? undefined : this.log.indexOf(parentCallId);
    const isOwn = parent !== undefined && (agent === '' || this.log.agentOf(parent) === agent);
    const declared = parent === undefined || isOwn ? parent : 'set_off';
    const isAct = isActPurpose(purpose);
    const use = this.#answers.asked({ ...prompt, agent, declared, isAct });
    this.log.used(prompt.callIndex, use);
  }

  /** Disposed of, the call is over, whatever came of it. */
  untilEnded(callIndex: number): Disposable {
    return { [Symbol.dispose]: () => this.#answers.ended(callIndex) };
  }

  answered(callIndex: number, message: AssistantMessage, tokenIds: Int32Array): void {
    this.#answers.answered(callIndex, message, tokenIds);
  }

  mark(callIndex: number): void {
    this.#marked.add(callIndex);
  }

  isMarked(callIndex: number): boolean {
    return this.#marked.has(callIndex);
  }

  /** Keeps what was sampled and refused, so that it is in the account. */
  keepRefused({ why, ...refused }: RefusedGeneration): void {
    const made = refusedSegment({
      ...refused,
      id: `refused${this.#refused.length}`,
      reason: why,
      rendering: this.rendering,
    });
    if (made === undefined) return;
    this.#refused.push(made);
    this.log.sampled(refused.callIndex, refused.tokenIds.length, '');
  }

  record(logprobMode: SessionRecord['logprobMode']): SessionRecord {
    return {
      segments: [
        ...this.#tracks.map((track) => this.#withLosses(track.builder.build())),
        ...this.#refused,
      ],
      sampledTokens: this.log.sampledTokens,
      modelCalls: this.log.count,
      calls: this.log.calls,
      rendering: this.rendering,
      logprobMode,
    };
  }

  /** The spans of calls that are in no loss say so, and so do those of segments with a marked call. */
  #withLosses(segment: Segment): Segment {
    const spans = segment.spans.map((span): Span => {
      const loss = span.callIndex === undefined ? undefined : this.log.lossOf(span.callIndex);
      return loss === undefined ? span : { ...span, loss };
    });
    return withMarked({ ...segment, spans }, this.#marked);
  }
}
