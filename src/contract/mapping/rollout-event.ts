import { create } from '@bufbuild/protobuf';
import { type RolloutEvent, RolloutEventSchema } from '../../../gen/lachesis/v1/rollout_pb.ts';
import { invalidInput } from '../../errors.ts';
import type { Rollout, RolloutProgress } from '../rollout.ts';
import {
  stopReasons,
  toolCallMetricsToProto,
  turnFromProto,
  turnToProto,
  usageToProto,
} from './agent-result.ts';
import { assertId } from './ids.ts';
import { ledgerToProto } from './ledger.ts';
import { messageFromProto, messageToProto } from './messages.ts';
import { notScoredToProto } from './outcome.ts';
import { timestampFromMs } from './scalars.ts';

/** What an event has from whoever logs it. */
export interface EventStamp {
  /** The server's number. */
  readonly sequence: number;
  readonly timeMs: number;
  /** Empty for play outside of any run. */
  readonly runId: string;
  /** Default: 1. */
  readonly attempt?: number;
  /** Turns of the rollout so far that were left untold. Default: 0. */
  readonly missedTurns?: number;
}

/** Progress as an event; the server numbers it, and knows its run, which come from outside. */
export function rolloutEventToProto(progress: RolloutProgress, stamp: EventStamp): RolloutEvent {
  return create(RolloutEventSchema, {
    sequence: BigInt(stamp.sequence),
    time: timestampFromMs(stamp.timeMs),
    runId: stamp.runId,
    rolloutId: progress.rolloutId,
    groupId: progress.groupId,
    event: eventBody(progress),
    attempt: stamp.attempt ?? 1,
    missedTurns: stamp.missedTurns ?? 0,
  });
}

/** The reverse, but for an end: what is left of its rollout in an event is not the rollout. */
export function rolloutProgressFromProto(
  { rolloutId, groupId, event }: RolloutEvent,
  field: string,
): Exclude<RolloutProgress, { kind: 'finished' }> | undefined {
  assertId(rolloutId, `${field}.rollout_id`);
  assertId(groupId, `${field}.group_id`);
  switch (event.case) {
    case 'started': {
      const { taskKey, index } = event.value;
      return { kind: 'started', rolloutId, groupId, taskKey, index };
    }
    case 'turnFinished': {
      const { turn, messages } = event.value;
      const at = `${field}.turn_finished`;
      if (turn === undefined) throw invalidInput(`${at}.turn`, 'is missing.');
      return {
        ...{ kind: 'turn', rolloutId, groupId, turn: turnFromProto(turn, `${at}.turn`) },
        messages: messages.map((message, i) => messageFromProto(message, `${at}.messages[${i}]`)),
      };
    }
    default:
      return undefined;
  }
}

function eventBody(progress: RolloutProgress) {
  switch (progress.kind) {
    case 'started':
      return {
        case: 'started' as const,
        value: { taskKey: progress.taskKey, index: progress.index },
      };
    case 'turn':
      return {
        case: 'turnFinished' as const,
        value: {
          turn: turnToProto(progress.turn),
          messages: progress.messages.map(messageToProto),
        },
      };
    case 'finished':
      return { case: 'finished' as const, value: finishedBody(progress.rollout) };
  }
}

function finishedBody({ result, outcome, ledger }: Rollout) {
  return {
    stopReason: stopReasons.toProto(result.stopReason),
    stopDetail: result.stopDetail,
    reward: outcome.kind === 'scored' ? outcome.reward : undefined,
    notScored: outcome.kind === 'scored' ? undefined : notScoredToProto(outcome.failure),
    toolCalls: toolCallMetricsToProto(result.toolCalls),
    ledger: ledgerToProto(ledger),
    usage: usageToProto(result.usage),
  };
}
