import type { Engine, EngineGeneration } from '../../src/models/index.ts';
import type { Segment } from '../../src/tokens/index.ts';

/** One generation as the engine saw it and gave it, copied before anybody else had it. */
export interface EngineCall {
  readonly requestId: string;
  readonly prompt: Int32Array;
  readonly sampled: Int32Array;
  readonly logprobs: Float32Array | undefined;
}

export function callsOf(calls: readonly EngineCall[], rolloutId: string): EngineCall[] {
  return calls.filter(({ requestId }) => requestId.split('/').at(-2) === rolloutId);
}

/** An engine that notes what it is asked and what it gives. */
export function recordEngine(
  inner: Engine,
  onRequest: (request: { readonly requestId: string }) => void = () => {},
): { readonly engine: Engine; readonly calls: readonly EngineCall[] } {
  const calls: EngineCall[] = [];
  const engine: Engine = {
    ...inner,
    async generate(request, options): Promise<EngineGeneration> {
      onRequest(request);
      const at = calls.length;
      const asked = { requestId: request.requestId, prompt: request.promptTokenIds.slice() };
      calls.push({ ...asked, sampled: new Int32Array(0), logprobs: undefined });
      const generation = await inner.generate(request, options);
      const { tokenIds, logprobs } = generation;
      calls[at] = { ...asked, sampled: tokenIds.slice(), logprobs: logprobs?.slice() };
      return generation;
    },
  };
  return { engine, calls };
}

/** A run of tokens that one call sampled; `own` where this segment is the first to hold them. */
export interface SampledRunAt {
  readonly callIndex: number;
  readonly start: number;
  readonly end: number;
  readonly own: boolean;
}

/** The sampled runs of a segment, whatever loss states they were cut into. */
export function sampledRuns(segment: Segment): SampledRunAt[] {
  const shared = segment.parent?.sharedTokens ?? 0;
  const runs: SampledRunAt[] = [];
  let position = 0;
  for (const { origin, length, callIndex = -1 } of segment.spans) {
    const last = runs.at(-1);
    const end = position + length;
    if (origin === 'sampled') {
      if (last?.end === position && last.callIndex === callIndex) {
        runs[runs.length - 1] = { ...last, end };
      } else runs.push({ callIndex, start: position, end, own: position >= shared });
    }
    position = end;
  }
  return runs;
}
