import { createHash } from 'node:crypto';
import { onAbort } from '../../async/index.ts';
import { invalidInput } from '../../errors.ts';
import type { Completion, CompletionRequest } from '../model-server.ts';
import { messageKey } from './message-identity.ts';

interface Shared {
  /** Tells the same request from another. */
  readonly asked: string;
  readonly reply: Promise<Completion>;
  /** Ends the work once nobody waits for it any more. */
  readonly given: AbortController;
  waiting: number;
}

/**
 * Replies by the ids that callers gave their calls. A call is made once: whoever asks again under its id,
 * because the answer did not reach them, waits for the same one, for as long as they like. A call that
 * failed may be made again.
 */
export class SharedReplies {
  readonly #shared = new Map<string, Shared>();

  /** Throws `invalid_input` for an id under which something else was asked. */
  async share(
    callId: string,
    request: CompletionRequest,
    options: {
      readonly signal: AbortSignal;
      readonly make: (signal: AbortSignal) => Promise<Completion>;
    },
  ): Promise<Completion> {
    const { signal, make } = options;
    signal.throwIfAborted();
    const asked = digestOf(request);
    let shared = this.#shared.get(callId);
    if (shared === undefined) {
      const given = new AbortController();
      const mine: Shared = { asked, given, reply: make(given.signal), waiting: 0 };
      shared = mine;
      this.#shared.set(callId, mine);
      const leave = (): void => {
        if (this.#shared.get(callId) === mine) this.#shared.delete(callId);
      };
      mine.reply.catch(leave);
      // Whoever asks while it is dying asks anew.
      given.signal.addEventListener('abort', leave, { once: true });
    } else if (shared.asked !== asked) {
      throw invalidInput('lineage.callId', `\`${callId}\` was asked something else before.`, {
        reason: 'CALL_ID_REUSED',
        remedy: 'Give every call an id of its own.',
      });
    }
    return await waitFor(shared, signal);
  }
}

/** Who leaves last ends the work, and then waits for its end: what was sampled is on record by then. */
async function waitFor(shared: Shared, signal: AbortSignal): Promise<Completion> {
  const { promise, resolve, reject } = Promise.withResolvers<Completion>();
  shared.waiting += 1;
  shared.reply.then(resolve, reject);
  const unfollow = onAbort(signal, () => {
    shared.waiting -= 1;
    if (shared.waiting === 0) shared.given.abort(signal.reason);
    else reject(signal.reason);
  });
  try {
    return await promise;
  } finally {
    unfollow();
  }
}

function digestOf({ messages, tools, toolChoice, sampling, lineage }: CompletionRequest): string {
  const asked = [messages.map(messageKey), tools, toolChoice, sampling, lineage];
  return createHash('sha256').update(JSON.stringify(asked)).digest('base64');
}
