import type { Deadline } from '../../async/index.ts';
import { errorMessage, invalidInput, LachesisError } from '../../errors.ts';
import type { AssistantMessage } from '../../messages.ts';
import { callDeadline } from '../call-deadline.ts';
import { modelTimeout, unreachable } from '../model-errors.ts';
import type { Completion, CompletionRequest } from '../model-server.ts';
import { MessageSnapshots } from './message-snapshots.ts';
import { SharedReplies } from './shared-replies.ts';

/**
 * The calls of a session: each asks what was asked when it was made, is made once whatever its id is asked
 * with, within its deadline, and what ends it is typed. A signal that fires ends it with its own reason.
 */
export class SessionCalls {
  readonly #timeoutMs: number;
  readonly #make: (request: CompletionRequest, deadline: Deadline) => Promise<Completion>;
  readonly #snapshots = new MessageSnapshots();
  readonly #replies = new SharedReplies();

  constructor(
    timeoutMs: number,
    make: (request: CompletionRequest, deadline: Deadline) => Promise<Completion>,
  ) {
    this.#timeoutMs = timeoutMs;
    this.#make = make;
  }

  /** An answer that was made here, and is known by its identity. */
  own(message: AssistantMessage): void {
    this.#snapshots.own(message);
  }

  async run(given: CompletionRequest, signal: AbortSignal): Promise<Completion> {
    const { transcriptIndexes } = given;
    const request: CompletionRequest = {
      ...given,
      messages: this.#snapshots.of(given.messages),
      tools: [...given.tools],
      ...(transcriptIndexes !== undefined && { transcriptIndexes: [...transcriptIndexes] }),
    };
    const once = async (ended: AbortSignal): Promise<Completion> => {
      ended.throwIfAborted();
      using deadline = callDeadline(this.#timeoutMs, ended);
      try {
        return await this.#make(request, deadline);
      } catch (thrown) {
        if (deadline.expired) throw modelTimeout('The engine did not finish', this.#timeoutMs);
        ended.throwIfAborted();
        throw thrown instanceof LachesisError ? thrown : engineFailed(thrown);
      }
    };
    const { callId = '' } = request.lineage ?? {};
    if (callId === '') return await once(signal);
    return await this.#replies.share(callId, request, { signal, make: once });
  }
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
