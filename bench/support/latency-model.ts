import { setTimeout as sleep } from 'node:timers/promises';
import type { ModelServer } from '../../src/models/index.ts';

/** A direct model that takes `latencyMs` per call, and calls the tool in all turns but the last. */
export function latencyModel(options: {
  readonly latencyMs: number;
  readonly turns: number;
}): ModelServer {
  return {
    kind: 'direct',
    model: 'latency',
    openSession: () => {
      let calls = 0;
      return {
        complete: async () => {
          // Heeds no signal, which none of the benchmarks fires: listening would be the fake's own cost.
          await sleep(options.latencyMs);
          calls += 1;
          const isLast = calls >= options.turns;
          const argumentsText = `{"a": ${calls}, "b": 2}`;
          return {
            message: {
              role: 'assistant',
              content: isLast ? [{ kind: 'text', text: '42' }] : [],
              toolCalls: isLast ? [] : [{ id: `call_${calls}`, name: 'add', argumentsText }],
            },
            finishReason: isLast ? 'stop' : 'tool_calls',
          };
        },
        record: () => ({
          segments: [],
          sampledTokens: undefined,
          modelCalls: calls,
          calls: [],
          rendering: undefined,
          logprobMode: undefined,
        }),
      };
    },
    close: async () => {},
  };
}
