import type { CallUse } from './call-use.ts';
import type { SampledTurn } from './sampled-turns.ts';
import type { LossState, Segment } from './segment.ts';
import type { TrainingPolicy } from './training-policy.ts';
import { unusedTurns } from './unused-turns.ts';

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
 * - a later call went on from it: trained;
 * - a later call was given it in other words (drift): a dropped branch under `strict`; under `realign` the
 *   tokens that both begin with are trained and the rest is realigned drift;
 * - no call made anything of it, and it is not its conversation's last word: a dropped branch;
 * - it is: trained.
 *
 * `fork` trains every turn that the session did not leave out; `mask` takes the whole rollout out when
 * any turn is not of the second or the last kind, when history was rewritten, or when there is more than one
 * conversation that nobody declared.
 */
export function judgeTurns(
  segments: readonly Segment[],
  turns: readonly SampledTurn[],
  calls: readonly CallUse[],
  policy: TrainingPolicy,
): Judgement {
  const uses = calls.length > 0 ? calls : turns.map(({ use }) => use);
  const continued = new Set(uses.map(({ continues }) => continues));
  const altered = new Map(
    uses.flatMap(({ alters }) => (alters ? [[alters.callIndex, alters.commonTokens]] : [])),
  );
  const unused = unusedTurns(segments, turns, uses);
  const verdicts = new Map(
    turns.map((turn): [SampledTurn, TurnVerdict] => {
      const { given, callIndex } = turn;
      const common = altered.get(callIndex);
      if (given !== undefined) return [turn, whole(turn, given)];
      if (policy === 'fork' || continued.has(callIndex)) return [turn, whole(turn, 'trained')];
      if (common !== undefined && policy === 'realign') {
        const kept = Math.min(common, turn.end - turn.start);
        return [turn, { kept, first: 'trained', rest: 'realigned_drift' }];
      }
      const isOut = common !== undefined || unused.has(turn);
      return [turn, whole(turn, isOut ? 'dropped_branch' : 'trained')];
    }),
  );
  const isDoubtful =
    policy === 'mask' && (altered.size > 0 || unused.size > 0 || hasDoubt(segments, turns));
  return { verdicts, isDoubtful };
}

function whole(turn: SampledTurn, state: LossState): TurnVerdict {
  return { kept: turn.end - turn.start, first: state, rest: state };
}

/** A reply that was lost, a history that was rewritten, or several conversations that nobody declared. */
function hasDoubt(segments: readonly Segment[], turns: readonly SampledTurn[]): boolean {
  const turnsOf = Map.groupBy(turns, ({ segment }) => segment);
  const isSide = (at: number): boolean => {
    const own = turnsOf.get(at) ?? [];
    return own.length > 0 && own.every(({ given }) => given === 'not_for_training');
  };
  const ours = segments.filter((_, at) => !isSide(at));
  const undeclared = ours.filter(
    ({ agent, reason }) => agent === '' && (reason === 'start' || reason === 'sub_agent'),
  );
  const rewritten = ours.some(({ reason }) => reason !== 'start' && reason !== 'sub_agent');
  const isLost = turns.some(({ given }) => given === 'abandoned_retry');
  return undeclared.length > 1 || rewritten || isLost;
}
