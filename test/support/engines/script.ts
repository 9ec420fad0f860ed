import type { FakeServer } from './fake-server.ts';

/** What a fake engine samples; a test changes it between calls. */
export interface FakeScript {
  ids: readonly number[];
  /** As the engine would write them: null is one that it has none for. */
  logprobs: readonly (number | null)[] | undefined;
  finish: 'stop' | 'length' | 'abort';
  /** Spans over the output, where the engine reports them. */
  versions: readonly { readonly version: string; readonly start: number; readonly end: number }[];
  /** What it says it read, where that is not the prompt. */
  promptTokens: number | undefined;
}

export interface FakeEngine extends FakeServer {
  readonly script: FakeScript;
}

export function newScript(): FakeScript {
  return {
    ids: [11, 12, 2],
    logprobs: [-0.5, -0.25, -0.125],
    finish: 'stop',
    versions: [],
    promptTokens: undefined,
  };
}
