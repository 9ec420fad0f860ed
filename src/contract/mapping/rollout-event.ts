import { create } from '@bufbuild/protobuf';
import { type RolloutEvent, RolloutEventSchema } from '../../../gen/lachesis/v1/rollout_pb.ts';
import type { Rollout, RolloutProgress } from '../rollout.ts';
import { stopReasons, toolCallMetricsToProto, turnToProto, usageToProto } from './agent-result.ts';
import { ledgerToProto } from './ledger.ts';
import { messageToProto } from './messages.ts';
import { notScoredToProto } from './outcome.ts';
import { timestampFromMs } from './scalars.ts';

/** Progress as an event; the server numbers it, and knows its run, which come from outside. */
export function rolloutEventToProto(
  progress: RolloutProgress,
  stamp: { readonly sequence: number; readonly timeMs: number; readonly runId: string },
): RolloutEvent {
  return create(RolloutEventSchema, {
    sequence: BigInt(stamp.sequence),
    time: timestampFromMs(stamp.timeMs),
    runId: stamp.runId,
    rolloutId: progress.rolloutId,
    groupId: progress.groupId,
    event: eventBody(progress),
  });
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
