import { type ToolCall, textContent } from '../../src/messages.ts';
import type {
  Completion,
  CompletionRequest,
  ModelServer,
  ModelSession,
} from '../../src/models/index.ts';
import { SegmentBuilder } from '../../src/tokens/index.ts';

/** What the fake model does at its n-th call (from 1) of a rollout. */
export type FakeReply =
  | { readonly text: string }
  | { readonly call: { readonly name: string; readonly args: object } }
  | { readonly error: unknown }
  | { readonly hang: true };

/** A managed model server without a model: exact tokens (one per character), from a function of the rollout and call. */
export function fakeModelServer(
  reply: (rolloutId: string, call: number, request: CompletionRequest) => FakeReply,
): ModelServer & { readonly opened: string[] } {
  const opened: string[] = [];
  return {
    kind: 'managed',
    model: 'fake',
    opened,
    openSession({ rolloutId, announcedVersion }): ModelSession {
      opened.push(rolloutId);
      const rendering = { tokenizerSha256: 'aa', templateSha256: 'bb' };
      const builder = new SegmentBuilder({ id: '0', reason: 'start', rendering });
      let calls = 0;
      let sampled = 0;
      let seen = 0;
      return {
        async complete(request, { signal }): Promise<Completion> {
          signal.throwIfAborted();
          const fresh = request.messages.length - seen;
          builder.append(
            Array.from({ length: fresh * 3 }, (_, i) => 10 + i),
            { origin: 'prompt' },
          );
          calls += 1;
          const answer = reply(rolloutId, calls, request);
          if ('error' in answer) throw answer.error;
          const text = 'text' in answer ? answer.text : 'call';
          const ids = Int32Array.from(text, (letter) => letter.charCodeAt(0));
          builder.appendSampled(
            ids,
            Float32Array.from(ids, () => -0.5),
            {
              callIndex: calls - 1,
              announcedVersion: announcedVersion(),
              messageIndex: request.messages.length,
            },
          );
          sampled += ids.length;
          seen = request.messages.length + 1;
          if ('hang' in answer) {
            await new Promise((_, reject) => {
              signal.addEventListener('abort', () => reject(signal.reason), { once: true });
            });
          }
          const toolCalls: ToolCall[] =
            'call' in answer
              ? [
                  {
                    id: `call_${calls}`,
                    name: answer.call.name,
                    argumentsText: JSON.stringify(answer.call.args),
                  },
                ]
              : [];
          return {
            message: {
              role: 'assistant',
              content: 'text' in answer ? textContent(answer.text) : [],
              toolCalls,
            },
            finishReason: toolCalls.length > 0 ? 'tool_calls' : 'stop',
            promptTokens: builder.length - ids.length,
            completionTokens: ids.length,
          };
        },
        record: () => ({
          segments: builder.length === 0 ? [] : [builder.build()],
          sampledTokens: sampled,
          modelCalls: calls,
          calls: [],
          rendering,
          logprobMode: 'raw',
        }),
      };
    },
    close: async () => {},
  };
}
