import { type SamplingParameters, textContent } from '../../messages.ts';
import type { Engine, EngineDescription } from '../engine.ts';
import { type EngineProbe, probeEngine } from '../engines/probe.ts';
import type { CapturedReply, ChatCall } from './vllm-chat.ts';

const QUESTION = {
  messages: [{ role: 'user', content: textContent('Name any three animals.') }],
  tools: [],
} as const;

/**
 * Asks a chat server what an engine is asked, with one question in place of ids. It renders by itself, so
 * at best it is `captured`.
 */
export async function probeChat(options: {
  readonly ask: (call: ChatCall) => Promise<CapturedReply>;
  readonly description: EngineDescription;
  readonly score: Engine['score'];
  readonly signal: AbortSignal;
}): Promise<EngineProbe> {
  const { ask, description, score, signal } = options;
  const put = (sampling: SamplingParameters, requestId: string, inner: AbortSignal) =>
    ask({
      request: { ...QUESTION, sampling },
      requestId,
      sessionId: 'probe',
      logprobs: true,
      signal: inner,
    });
  const engine: Engine = {
    describe: async () => description,
    generate: async ({ requestId, sampling }, call) =>
      (await put(sampling, requestId, call.signal)).generation,
    ...(score !== undefined && { score }),
    close: async () => {},
  };
  // What a score is asked with. Where there is none, the probe finds out by itself.
  const asPrompt = await put({ maxTokens: 1 }, `probe-prompt-${crypto.randomUUID()}`, signal).catch(
    () => undefined,
  );
  signal.throwIfAborted();
  const promptTokenIds = asPrompt?.promptTokenIds ?? new Int32Array(0);
  const probe = await probeEngine(engine, { promptTokenIds, signal });
  return { ...probe, tier: probe.tier === 'exact' ? 'captured' : probe.tier };
}
