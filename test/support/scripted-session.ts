import { type Message, type ToolCall, textContent } from '../../src/messages.ts';
import type {
  Completion,
  CompletionRequest,
  ModelSession,
  SessionRecord,
} from '../../src/models/index.ts';

/** What the scripted model says when it is asked. */
export type ScriptedReply =
  | {
      readonly text?: string;
      readonly reasoning?: string;
      /** Arguments as text, or as an object that is written as JSON; the id is `c<n>` unless given. */
      readonly calls?: readonly {
        readonly name: string;
        readonly args?: string | object;
        readonly id?: string;
      }[];
      readonly finishReason?: string;
      readonly promptTokens?: number;
      readonly completionTokens?: number;
    }
  | { readonly error: unknown }
  /** Says nothing until the signal fires; then rejects with its reason, or never. */
  | { readonly hang: 'until_abort' | 'forever' }
  | ((request: CompletionRequest) => ScriptedReply);

export interface ScriptedSession extends ModelSession {
  /** What was asked, in order, as it stood then. */
  readonly requests: readonly CompletionRequest[];
  /** Replies not yet given. */
  readonly left: number;
}

/** A model session that answers from a list, then with plain text `done`. */
export function scriptedSession(replies: readonly ScriptedReply[]): ScriptedSession {
  const requests: CompletionRequest[] = [];
  const queue = [...replies];
  let nextId = 1;

  function completionOf(reply: Extract<ScriptedReply, { readonly text?: string }>): Completion {
    const toolCalls = (reply.calls ?? []).map(({ name, args = {}, id }): ToolCall => {
      const argumentsText = typeof args === 'string' ? args : JSON.stringify(args);
      return { id: id ?? `c${nextId++}`, name, argumentsText };
    });
    const { text = '', reasoning, promptTokens, completionTokens } = reply;
    return {
      message: {
        role: 'assistant',
        content: textContent(text),
        ...(reasoning === undefined ? {} : { reasoning }),
        toolCalls,
      },
      finishReason: reply.finishReason ?? (toolCalls.length > 0 ? 'tool_calls' : 'stop'),
      ...(promptTokens === undefined ? {} : { promptTokens }),
      ...(completionTokens === undefined ? {} : { completionTokens }),
    };
  }

  return {
    requests,
    get left() {
      return queue.length;
    },
    async complete(request, { signal }) {
      requests.push({ ...request, messages: structuredClone(request.messages) as Message[] });
      signal.throwIfAborted();
      let reply = queue.shift() ?? { text: 'done' };
      while (typeof reply === 'function') reply = reply(request);
      if ('error' in reply) throw reply.error;
      if ('hang' in reply) {
        const { hang } = reply;
        return new Promise((_, reject) => {
          if (hang === 'forever') return;
          signal.addEventListener('abort', () => reject(signal.reason), { once: true });
        });
      }
      return completionOf(reply);
    },
    record(): SessionRecord {
      return {
        segments: [],
        sampledTokens: undefined,
        modelCalls: requests.length,
        calls: [],
        rendering: undefined,
        logprobMode: undefined,
      };
    },
  };
}
