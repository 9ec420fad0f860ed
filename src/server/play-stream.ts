import { toBinary } from '@bufbuild/protobuf';
import {
  GenerationAnswer,
  type PlayRolloutOpen,
  type PlayRolloutRequest,
  type PlayRolloutResponse,
} from '../../gen/lachesis/v1/environment_service_pb.ts';
import { RolloutSchema } from '../../gen/lachesis/v1/rollout_pb.ts';
import { pause } from '../async/index.ts';
import {
  type Assignment,
  assignmentFromProto,
  rolloutToProto,
  sendableEvent,
} from '../contract/index.ts';
import { invalidInput, LachesisError } from '../errors.ts';
import type { ModelServer } from '../models/index.ts';
import { chunksOf, WIRE_LIMITS } from '../wire/index.ts';
import { CallerChannel } from './caller-channel.ts';
import { type CallEnd, callerScope } from './caller-end.ts';
import { callerEngine, callerMessageServer, callerToolHandler } from './caller-model.ts';
import { callerTokensOf, type HostedEnvironments } from './hosted.ts';
import type { LocalPlayer } from './local-player.ts';
import type { Rollouts } from './rollouts.ts';

export interface PlayStreamOptions extends CallEnd {
  readonly environments: HostedEnvironments;
  readonly player: LocalPlayer;
  readonly rollouts: Rollouts;
}

/** Plays one rollout whose tool calls or generations the caller answers on the same stream. */
export async function* playStream(
  requests: AsyncIterable<PlayRolloutRequest>,
  options: PlayStreamOptions,
): AsyncGenerator<PlayRolloutResponse> {
  const { player, rollouts } = options;
  const frames = requests[Symbol.asyncIterator]();
  const first = await frames.next();
  if (first.done === true || first.value.frame.case !== 'open') {
    throw invalidInput('open', 'must be the first frame.', { reason: 'FRAME_OUT_OF_ORDER' });
  }
  const open = first.value.frame.value;
  const assignment = assignmentOf(open, rollouts);
  const channel = new CallerChannel();
  const modelServer = modelServerOf(open, assignment, channel, options);
  using scope = callerScope(options);
  const { group } = player.play({
    assignment,
    unlimited: true,
    ...(modelServer !== undefined && { modelServer }),
    ...(open.answerToolCalls && { toolHandler: callerToolHandler(channel) }),
    onProgress: (event) => {
      const stamp = { sequence: rollouts.log.lastSequence, timeMs: Date.now(), runId: '' };
      channel.send({ case: 'event', value: sendableEvent(event, stamp) });
    },
    signal: scope.signal,
  });
  void takeAnswers(frames, channel).then(
    async () => {
      // A reset stream reads as a finished one; the call's own signal tells, a moment later.
      await pause(RESET_GRACE_MS, scope.signal);
      if (!scope.signal.aborted) channel.callerIsGone();
    },
    async (error: unknown) => {
      channel.outbox.fail(error);
      await pause(RESET_GRACE_MS, scope.signal);
      scope.end(error);
    },
  );
  void group.then(({ rollouts: [rollout] }) => {
    if (rollout !== undefined) {
      const bytes = toBinary(RolloutSchema, rolloutToProto(rollout));
      for (const { data } of chunksOf(bytes, WIRE_LIMITS.maxChunkBytes)) {
        channel.send({ case: 'rollout', value: { totalSize: BigInt(bytes.length), data } });
      }
    }
    channel.outbox.end();
  });
  try {
    yield* channel.outbox.drain({ signal: options.signal });
  } finally {
    scope.end();
    await group;
    await modelServer?.close();
  }
}

function assignmentOf(open: PlayRolloutOpen, rollouts: Rollouts): Assignment {
  if (open.assignment === undefined) throw invalidInput('open.assignment', 'is missing.');
  const assignment = assignmentFromProto(open.assignment, 'open.assignment');
  if (assignment.groupSize !== 1) {
    throw invalidInput('open.assignment.group_size', `is ${assignment.groupSize}; it must be 1.`);
  }
  if (assignment.runId !== '') {
    throw invalidInput('open.assignment.run_id', 'must be empty: play here belongs to no run.');
  }
  if (rollouts.log.rolloutsOf({ runId: '', groupId: assignment.id }).length > 0) {
    throw new LachesisError('already_exists', `"${assignment.id}" was started before.`, {
      reason: 'ASSIGNMENT_STARTED',
      remedy: 'Choose another id, or watch the one that plays.',
    });
  }
  return assignment;
}

/** Undefined: the environment's own. */
function modelServerOf(
  open: PlayRolloutOpen,
  assignment: Assignment,
  channel: CallerChannel,
  { environments }: PlayStreamOptions,
): ModelServer | undefined {
  switch (open.answerGenerations) {
    case GenerationAnswer.UNSPECIFIED:
      return undefined;
    case GenerationAnswer.MESSAGE:
      return callerMessageServer(channel);
    case GenerationAnswer.TOKENS: {
      const served = environments.get(assignment.environment, 'assignment.environment');
      const callerTokens = callerTokensOf(served);
      if (callerTokens === undefined) {
        throw new LachesisError(
          'failed_precondition',
          `"${assignment.environment}" has no managed model server here, so nothing renders tokens.`,
          {
            reason: 'NOT_MANAGED',
            remedy: 'Answer with messages, or serve it with a managed model server.',
          },
        );
      }
      return callerTokens.modelServer(callerEngine(channel, callerTokens.describe));
    }
    default:
      throw invalidInput('open.answer_generations', `${open.answerGenerations} is not known.`);
  }
}

async function takeAnswers(
  frames: AsyncIterator<PlayRolloutRequest>,
  channel: CallerChannel,
): Promise<void> {
  for (let next = await frames.next(); next.done !== true; next = await frames.next()) {
    channel.take(next.value);
  }
}

/** From the end of a caller's frames to the signal that says why they ended. */
const RESET_GRACE_MS = 50;
