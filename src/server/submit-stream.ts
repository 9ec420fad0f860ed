import { create, toBinary } from '@bufbuild/protobuf';
import { GroupHeaderSchema } from '../../gen/lachesis/v1/group_pb.ts';
import {
  type SubmitGroupsRequest,
  type SubmitGroupsResponse,
  SubmitGroupsResponseSchema,
} from '../../gen/lachesis/v1/work_service_pb.ts';
import type { Broker } from '../broker/index.ts';
import {
  assertOptionalId,
  decodeGroup,
  errorDetailToProto,
  toStoredGroup,
  validateGroupHeader,
} from '../contract/index.ts';
import { invalidInput, LachesisError } from '../errors.ts';
import { GroupReceiver, type Taken } from './group-receiver.ts';
import type { Rollouts } from './rollouts.ts';
import { storeGroup } from './store-group.ts';

export interface SubmitStreamOptions {
  readonly broker: Broker;
  readonly maxGroupBytes: number;
  readonly rollouts: Rollouts;
  /** Called after a group was stored. */
  readonly onStored: (runId: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Answers a SubmitGroups stream: an ack after every group, a refusal before it for a group that was
 * not stored. While a run takes no more, the stream is simply not read on.
 */
export async function* submitStream(
  requests: AsyncIterable<SubmitGroupsRequest>,
  options: SubmitStreamOptions,
): AsyncGenerator<SubmitGroupsResponse> {
  const { broker, signal } = options;
  let runId: string | undefined;
  const receiver = new GroupReceiver({
    maxGroupBytes: options.maxGroupBytes,
    checkHeader: (header) => {
      validateGroupHeader(header);
      if (header.runId === runId) return;
      throw invalidInput('header.run_id', `is "${header.runId}" on a stream for "${runId}".`);
    },
  });
  let dealtWith = 0;
  let duplicates = 0;
  for await (const { frame } of requests) {
    if (runId === undefined) {
      if (frame.case !== 'open') {
        throw invalidInput('open', 'must be the first frame of the stream.', {
          reason: 'FRAME_OUT_OF_ORDER',
        });
      }
      // A worker need not be registered to bring what it has finished, nor hold its lease any more.
      assertOptionalId(frame.value.workerId, 'open.worker_id');
      runId = frame.value.runId;
      // Throws NOT_FOUND before any bytes are sent in vain.
      await broker.getRun(runId);
      continue;
    }
    const taken = take(receiver, frame);
    if (taken.kind === 'more') continue;
    if (taken.kind === 'refused') {
      yield refusal(receiver.groupNumber, taken.groupId, taken.error);
      // At an end frame the group is over; at another, its end is still to come.
      if (frame.case !== 'end') continue;
    }
    if (taken.kind === 'group') {
      const { header, parts } = taken.group;
      try {
        const stored = toStoredGroup(header, toBinary(GroupHeaderSchema, header), parts);
        const outcome = await storeGroup(broker, stored, signal);
        if (outcome.kind === 'duplicate') duplicates += 1;
        else endRollouts(options.rollouts, taken.group);
        options.onStored(runId);
      } catch (thrown) {
        if (!(thrown instanceof LachesisError) || signal.aborted) throw thrown;
        yield refusal(receiver.groupNumber, header.groupId, thrown);
      }
    }
    dealtWith += 1;
    const credits = await broker.credits(runId);
    const value = { groups: BigInt(dealtWith), duplicates: BigInt(duplicates), credits };
    yield create(SubmitGroupsResponseSchema, { answer: { case: 'ack', value } });
  }
}

/** The rollouts that somebody watches end as they stand in the group, which is decoded for no one else. */
function endRollouts(
  rollouts: Rollouts,
  { header, parts }: (Taken & { readonly kind: 'group' })['group'],
): void {
  if (rollouts.openOf(header).length === 0) return;
  try {
    rollouts.endWith(header, decodeGroup(header, parts).group.rollouts);
  } catch {
    // Its parts were checked when they came; what can't be read ends all the same.
    rollouts.endWith(header, []);
  }
}

function take(receiver: GroupReceiver, frame: SubmitGroupsRequest['frame']): Taken {
  switch (frame.case) {
    case 'header':
      return receiver.header(frame.value);
    case 'chunk':
      return receiver.chunk(frame.value);
    case 'end':
      return receiver.end();
    case 'open':
      throw invalidInput('open', 'came twice.', { reason: 'FRAME_OUT_OF_ORDER' });
    default:
      throw invalidInput('frame', 'is empty or of a kind this server does not know.');
  }
}

function refusal(groupNumber: number, groupId: string, error: LachesisError) {
  const value = {
    groupNumber: BigInt(groupNumber),
    groupId,
    error: errorDetailToProto(error),
    message: error.message,
  };
  return create(SubmitGroupsResponseSchema, { answer: { case: 'refusal', value } });
}
