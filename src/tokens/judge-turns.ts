import type { SampledTurn } from './sampled-turns.ts';
import type { LossState, Segment } from './segment.ts';
import type { TrainingPolicy } from './training-policy.ts';

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
 * Judges each turn under a policy, by what the agent did with it:
 *
 * - it failed, or was sampled for something else: as the session says, under every policy;
 * - sampled again from the same prompt, and the agent went on from another sample: a dropped branch;
 * - the agent went on from another spelling of it (drift): a dropped branch under `strict`; under
 *   `realign` the tokens that both spellings begin with are trained and the rest is realigned drift;
 * - a conversation of one call that nothing came of, beside longer ones: a dropped branch;
 * - else it was received, and extended or the last word: trained.
 *
 * `fork` trains every turn that the session did not leave out; `mask` takes the whole rollout out when
 * any turn is not of the last kind, or there is more than one conversation that nobody declared.
 */
export function judgeTurns(
  segments: readonly Segment[],
  turns: readonly SampledTurn[],
  policy: TrainingPolicy,
): Judgement {
  const unused = unusedSamples(turns);
  const side = sideCalls(segments, turns);
  const verdicts = new Map(
    turns.map((turn): [SampledTurn, TurnVerdict] => {
      if (turn.given !== undefined) return [turn, whole(turn, turn.given)];
      if (policy === 'fork') return [turn, whole(turn, 'trained')];
      if (unused.has(turn) || side.has(turn)) return [turn, whole(turn, 'dropped_branch')];
      if (turn.driftedAfter === undefined) return [turn, whole(turn, 'trained')];
      if (policy !== 'realign') return [turn, whole(turn, 'dropped_branch')];
      return [turn, { kept: turn.driftedAfter, first: 'trained', rest: 'realigned_drift' }];
    }),
  );
  return { verdicts, isDoubtful: policy === 'mask' && isDoubtful(segments, turns, unused) };
}

function whole(turn: SampledTurn, state: LossState): TurnVerdict {
  return { kept: turn.end - turn.start, first: state, rest: state };
}

/** Samples of a prompt that the agent did not go on from. Where it went on from none, the last one stands. */
function unusedSamples(turns: readonly SampledTurn[]): ReadonlySet<SampledTurn> {
  const unused = new Set<SampledTurn>();
  const last = turns.findLast(({ given }) => given === undefined);
  for (const samples of Map.groupBy(turns, ({ place }) => place).values()) {
    const usable = samples.filter(({ given }) => given === undefined);
    const used = usable.filter((turn) => wasUsed(turn) || turn === last);
    const kept = used.length > 0 ? used : usable.slice(-1);
    for (const turn of usable) if (!kept.includes(turn)) unused.add(turn);
  }
  return unused;
}

function wasUsed({ extended, driftedAfter }: SampledTurn): boolean {
  return extended || driftedAfter !== undefined;
}

/**
 * Calls of conversations of their own, such as for a title: no agent declared, one turn, nothing came of
 * it, and it is not the last word. Only beside a longer conversation: where every call stands alone,
 * each of them is the agent's. A conversation that a template had to write anew went on, in a child.
 */
function sideCalls(
  segments: readonly Segment[],
  turns: readonly SampledTurn[],
): ReadonlySet<SampledTurn> {
  const side = new Set<SampledTurn>();
  const turnsOf = Map.groupBy(turns, ({ segment }) => segment);
  const isLong = (segment: number): boolean => (turnsOf.get(segment)?.length ?? 0) > 1;
  if (!segments.some((_, segment) => isLong(segment))) return side;
  const last = turns.at(-1);
  const wentOn = new Set(
    segments.flatMap(({ reason, parent }) => (reason === 'template' && parent ? parent.id : [])),
  );
  segments.forEach((segment, at) => {
    const [only, second] = turnsOf.get(at) ?? [];
    const isOwn = segment.parent === undefined && segment.agent === '';
    const isConversation = segment.reason === 'start' || segment.reason === 'sub_agent';
    if (only === undefined || second !== undefined || !isOwn || !isConversation) return;
    if (!wasUsed(only) && only !== last && !wentOn.has(segment.id)) side.add(only);
  });
  return side;
}

function isDoubtful(
  segments: readonly Segment[],
  turns: readonly SampledTurn[],
  unused: ReadonlySet<SampledTurn>,
): boolean {
  const isDeclared = ({ agent, reason }: Segment): boolean =>
    agent !== '' && reason === 'sub_agent';
  const conversations = segments.filter((segment, at) => {
    const declaredOut = turns.some(
      (turn) => turn.segment === at && turn.given === 'not_for_training',
    );
    return !isDeclared(segment) && !declaredOut;
  });
  return (
    conversations.length > 1 ||
    unused.size > 0 ||
    turns.some(
      ({ given, driftedAfter }) => given === 'abandoned_retry' || driftedAfter !== undefined,
    )
  );
}
