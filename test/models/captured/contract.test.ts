import { vllmChat } from '../../../src/models/captured/vllm-chat.ts';
import { EngineConnection } from '../../../src/models/engines/engine-connection.ts';
import type { Engine, HttpEngineOptions } from '../../../src/models/index.ts';
import { startVllmFake } from '../../support/engines/vllm-fake.ts';
import { say } from '../chatml.ts';
import { engineContract } from '../engines/contract.ts';

/** The chat route as an engine whose prompt is a question: it takes no ids. */
function create(options: HttpEngineOptions): Engine {
  const connection = new EngineConnection({ ...options, name: 'vLLM' });
  const { affinityHeader } = options;
  const dialect = {
    model: undefined,
    reasoningField: undefined,
    maxTokensField: 'max_tokens',
  } as const;
  const route = { dialect, affinityHeader, stream: false, contextLength: undefined };
  return {
    describe: async () => {
      throw new Error('the server describes itself');
    },
    generate: async ({ requestId, sampling, sessionKey = 'r' }, { signal }) => {
      const request = { messages: [say('user', 'q')], tools: [], sampling };
      const call = { request, requestId, sessionId: sessionKey, logprobs: true, signal };
      return (await vllmChat(connection, route, call, new Set())).generation;
    },
    close: async () => connection.close(),
  };
}

// An abort ends a session's call, whose record keeps what came; the rest no chat route has.
const lacks = ['abort', 'generate_many', 'health', 'pinned_version'] as const;

engineContract('vLLM, chat', { start: startVllmFake, create, lacks });
