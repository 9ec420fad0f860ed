import type { Message, ToolCall } from '../messages.ts';

/**
 * Gives each call of a rollout an id of its own. The model's is kept when it has one that is new;
 * otherwise the next free `call_<n>` takes its place, in both messages.
 */
export class CallIds {
  readonly #used = new Set<string>();
  #next = 1;

  /** `opening` may already hold calls. */
  constructor(opening: readonly Message[]) {
    for (const message of opening) {
      if (message.role === 'assistant') for (const { id } of message.toolCalls) this.#used.add(id);
    }
  }

  canonical(call: ToolCall): ToolCall {
    if (call.id !== '' && !this.#used.has(call.id)) {
      this.#used.add(call.id);
      return call;
    }
    let id: string;
    do {
      id = `call_${this.#next}`;
      this.#next += 1;
    } while (this.#used.has(id));
    this.#used.add(id);
    return { ...call, id };
  }
}
