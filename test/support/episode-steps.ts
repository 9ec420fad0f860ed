import { LachesisError } from '../../src/errors.ts';
import type { ScriptedReply } from '../../src/models/index.ts';
import { END_OF_TEXT, STOP, spell } from './spelling.ts';

/** What an engine does with one call. `after` tokens of the text were sampled before it broke. */
export type Ending =
  | { readonly kind: 'stop' | 'end_of_text' | 'stop_unsaid' | 'length' | 'engine_abort' }
  | { readonly kind: 'lost' | 'broken' | 'hang' | 'cancel'; readonly after: number }
  /** Throws a plain error and has sampled nothing; answers nothing at all; leaves logprobs out. */
  | { readonly kind: 'unreachable' | 'silent' | 'no_logprobs' };

/** One model call of an episode. */
export interface Step {
  readonly text: string;
  /** Chooses among the spellings of the text. */
  readonly spelling: number;
  readonly ending: Ending;
  /**
   * `forget`: the prompt view leaves out all turns but the last from here on. `again`: the answer is
   * thrown away and the same prompt is sampled again, with the next step.
   */
  readonly view?: 'forget' | 'again' | undefined;
}

/** In most texts that are sampled, and in no other: what holds it can only be a re-tokenisation. */
export const MARK = '¤';

/** Before, behind or not at all: a think block counts only at the start, an open call only at the end. */
function marked(text: string, mark: string, spelling: number): string {
  if (spelling % 3 === 0) return mark + text;
  return spelling % 3 === 1 ? text + mark : text;
}

/** What a scripted engine is told to answer in a step. */
export function replyOf(
  { text, spelling, ending }: Step,
  rollout: number,
  call: number,
): ScriptedReply {
  const tokenIds = spell(marked(text, `${MARK}${rollout}.${call}`, spelling), spelling);
  const never = new Promise(() => {});
  switch (ending.kind) {
    case 'stop':
      return withLogprobs({ tokenIds: [...tokenIds, STOP] }, call);
    case 'end_of_text':
      return withLogprobs({ tokenIds: [...tokenIds, END_OF_TEXT] }, call);
    case 'stop_unsaid':
      return withLogprobs({ tokenIds }, call);
    case 'length':
      return withLogprobs({ tokenIds, finish: 'length' }, call);
    case 'engine_abort':
      return withLogprobs({ tokenIds, finish: 'abort' }, call);
    case 'hang':
    case 'cancel':
      return withLogprobs({ tokenIds, after: never, sampledBeforeAbort: ending.after }, call);
    case 'lost':
      return withLogprobs({ tokenIds, error: lost, sampledBeforeError: ending.after }, call);
    case 'broken':
      return withLogprobs({ tokenIds, error: broken, sampledBeforeError: ending.after }, call);
    case 'unreachable':
      return { error: new Error('nobody there') };
    case 'silent':
      return {};
    case 'no_logprobs':
      return { tokenIds, logprobs: null };
  }
}

const lost = new LachesisError('infrastructure_error', 'lost', { reason: 'LOST', retryAfterMs: 0 });
const broken = new LachesisError('model_error', 'broken', { reason: 'BROKEN' });

/** Logprobs that are no round numbers in float32 and differ from token to token. */
function withLogprobs(
  reply: ScriptedReply & { readonly tokenIds: readonly number[] },
  call: number,
): ScriptedReply {
  return { ...reply, logprobs: reply.tokenIds.map((id, at) => -(id + 1) / (7 + at + 31 * call)) };
}
