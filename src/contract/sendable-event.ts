import { toBinary } from '@bufbuild/protobuf';
import { type RolloutEvent, RolloutEventSchema } from '../../gen/lachesis/v1/rollout_pb.ts';
import { clipText } from '../errors.ts';
import { WIRE_LIMITS } from '../wire/index.ts';
import { type EventStamp, rolloutEventToProto } from './mapping/rollout-event.ts';
import { messageBytes } from './message-bytes.ts';
import type { RolloutProgress } from './rollout.ts';

/** Left for the message around an event. */
const ROOM_BYTES = 65_536;
const MAX_EVENT_BYTES = WIRE_LIMITS.maxResponseMessageBytes - ROOM_BYTES;
const MAX_DETAIL_BYTES = 65_536;
/** Bytes of UTF-8 that one unit of a text takes at most. */
const BYTES_PER_UNIT = 3;

/**
 * An event as one message can hold it, so that one huge tool result does not end the streams of all
 * who watch: a turn that is too large comes without its messages, which GetRollout has.
 */
export function sendableEvent(progress: RolloutProgress, stamp: EventStamp): RolloutEvent {
  const event = rolloutEventToProto(progress, stamp);
  if (roughUnits(progress) * BYTES_PER_UNIT <= MAX_EVENT_BYTES) return event;
  if (toBinary(RolloutEventSchema, event).length <= MAX_EVENT_BYTES) return event;
  const body = event.event;
  if (body.case === 'turnFinished') body.value.messages = [];
  if (body.case === 'finished') {
    body.value.stopDetail = clipText(body.value.stopDetail, MAX_DETAIL_BYTES);
    const { notScored } = body.value;
    if (notScored !== undefined) notScored.message = clipText(notScored.message, MAX_DETAIL_BYTES);
  }
  return event;
}

function roughUnits(progress: RolloutProgress): number {
  switch (progress.kind) {
    case 'started':
      return progress.taskKey.length;
    case 'turn':
      return progress.messages.reduce((sum, message) => sum + messageBytes(message), 0);
    case 'finished': {
      const { result, outcome } = progress.rollout;
      const failure = outcome.kind === 'scored' ? '' : outcome.failure.message;
      return result.stopDetail.length + failure.length;
    }
  }
}
