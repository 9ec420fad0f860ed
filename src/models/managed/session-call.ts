import type { Deadline } from '../../async/index.ts';
import { errorMessage, invalidInput, LachesisError } from '../../errors.ts';
import { callDeadline } from '../call-deadline.ts';
import { modelTimeout, unreachable } from '../model-errors.ts';
import type { Completion, CompletionRequest } from '../model-server.ts';
import type { MessageSnapshots } from './message-snapshots.ts';
import type { SharedReplies } from './shared-replies.ts';

/**
 * One call of a managed session: made once whatever its id is asked with, within its deadline, and
 * what ends it is typed. A signal that fires ends it with its own reason.
 */
export async function sessionCall(
  given: CompletionRequest,
  options: {
    readonly snapshots: MessageSnapshots;
    readonly replies: SharedReplies;
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
    /** Told the request as it was when it was made. */
    readonly make: (request: CompletionRequest, deadline: Deadline) => Promise<Completion>;
  },
): Promise<Completion> {
  const { snapshots, replies, timeoutMs, signal, make } = options;
  const { transcriptIndexes } = given;
  const request: CompletionRequest = {
    ...given,
    messages: snapshots.of(given.messages),
    tools: [...given.tools],
    ...(transcriptIndexes !== undefined && { transcriptIndexes: [...transcriptIndexes] }),
  };
  const once = async (ended: AbortSignal): Promise<Completion> => {
    ended.throwIfAborted();
    using deadline = callDeadline(timeoutMs, ended);
    try {
      return await make(request, deadline);
    } catch (thrown) {
      if (deadline.expired) throw modelTimeout('The engine did not finish', timeoutMs);
      ended.throwIfAborted();
      throw thrown instanceof LachesisError ? thrown : engineFailed(thrown);
    }
  };
  const { callId = '' } = request.lineage ?? {};
  if (callId === '') return await once(signal);
  return await replies.share(callId, request, { signal, make: once });
}

/** Refuses what no managed session can do. */
export function assertRequest({ messages, toolChoice }: CompletionRequest): void {
  if (messages.length === 0) throw invalidInput('messages', 'is empty.');
  if (toolChoice === 'required') {
    throw invalidInput('toolChoice', 'is required; a managed model can’t be forced to call.', {
      reason: 'UNSUPPORTED_TOOL_CHOICE',
      remedy: 'Use auto, and let the reward ask for the call.',
    });
  }
}

function engineFailed(thrown: unknown): LachesisError {
  return unreachable(`The engine failed: ${errorMessage(thrown)}`, {
    reason: 'ENGINE_FAILED',
    cause: thrown,
  });
}
