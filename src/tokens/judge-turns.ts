import { isActPurpose, type JudgedCall } from './call-use.ts';
import type { SampledTurn } from './sampled-turns.ts';
import type { LossState, Segment } from './segment.ts';
import type { TrainingPolicy } from './training-policy.ts';
import { unusedTurns } from './unused-turns.ts';
import { UsesOfAnswers } from './uses-of-answers.ts';

/** What becomes of a turn's tokens: the first `kept` of them one thing, the rest another. */
export interface TurnVerdict {
  readonly kept: number;
  readonly first: LossState;
  readonly rest: LossState;
}

export interface Judgement {
  readonly verdicts: ReadonlyMap<SampledTurn, TurnVerdict>;
  /** Under `mask` only: the rollout is out as a whole. */
  readonly isDoubtful: boolean;
}

/**
 * Judges each turn under a policy, by what later calls made of its answer:
 *
 * - it failed, or was sampled for something else: as the session says, under every policy;
 * - its agent left it, rejected it or asked it aside ({@link unusedTurns}): a dropped branch;
 * - a later call went on from it: trained;
 * - a later call was given it in other words (drift): a dropped branch under `strict`; under `realign` the
 *   tokens that both begin with are trained and the rest is realigned drift;
 * - it is its conversation's last word: trained.
 *
 * `fork` trains every turn that the session did not leave out; `mask` takes the whole rollout out when
 * any turn is not of the third or the last kind, when history was rewritten, or when there is more than one
 * conversation that nobody declared.
 */
export function judgeTurns(
  segments: readonly Segment[],
  turns: readonly SampledTurn[],
  calls: readonly JudgedCall[],
  policy: TrainingPolicy,
): Judgement {
  const uses = new UsesOfAnswers(calls.length > 0 ? calls : turns.map(({ use }) => use));
  const unused = unusedTurns(segments, turns, uses);
  const verdicts = new Map(
    turns.map((turn): [SampledTurn, TurnVerdict] => {
      const { given, callIndex } = turn;
      const common = uses.commonTokens(callIndex);
      if (given !== undefined) return [turn, whole(turn, given)];
      if (policy === 'fork') return [turn, whole(turn, 'trained')];
      if (unused.has(turn)) return [turn, whole(turn, 'dropped_branch')];
      if (common === undefined || uses.isContinued(callIndex)) {
        return [turn, whole(turn, 'trained')];
      }
      if (policy !== 'realign') return [turn, whole(turn, 'dropped_branch')];
      const kept = Math.min(common, turn.end - turn.start);
      return [turn, { kept, first: 'trained', rest: 'realigned_drift' }];
    }),
  );
  const isDoubtful =
    policy === 'mask' && (uses.anyAltered || unused.size > 0 || hasDoubt(segments, turns));
  return { verdicts, isDoubtful };
}

function whole(turn: SampledTurn, state: LossState): TurnVerdict {
  return { kept: turn.end - turn.start, first: state, rest: state };
}

/** A reply that was lost or is not to be trusted, a history that was rewritten, or several conversations that nobody declared. */
function hasDoubt(segments: readonly Segment[], turns: readonly SampledTurn[]): boolean {
  const turnsOf = Map.groupBy(turns, ({ segment }) => segment);
  const isSide = (at: number): boolean => {
    const own = turnsOf.get(at) ?? [];
    return own.length > 0 && own.every(({ use }) => !isActPurpose(use.purpose));
  };
  const ours = segments.filter((_, at) => !isSide(at));
  const undeclared = ours.filter(
    ({ agent, reason }) => agent === '' && (reason === 'start' || reason === 'sub_agent'),
  );
  const rewritten = ours.some(({ reason }) => reason !== 'start' && reason !== 'sub_agent');
  // Lost, or of numbers that did not agree.
  const isLeftOut = turns.some(
    ({ given, use }) =>
      given === 'abandoned_retry' || (given !== undefined && isActPurpose(use.purpose)),
  );
  return undeclared.length > 1 || rewritten || isLeftOut;
}
