import { type FakeRoute, type FakeServer, startFakeServer } from './fake-server.ts';
import type { Check } from './shape.ts';
import { number, whole } from './shape.ts';

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

// biome-ignore lint/suspicious/noExplicitAny: a foreign body
export type Body = any;

/** A fake of an engine whose routes answer from one script. */
export async function startScriptedFake(
  routes: (script: FakeScript) => readonly FakeRoute[],
): Promise<FakeEngine> {
  const script = newScript();
  return Object.assign(await startFakeServer(routes(script)), { script });
}

/** What every engine is asked to sample by; -1 is how most say that no id is left out. */
export const samplingFields = {
  temperature: number,
  top_p: number,
  top_k: ((value) => whole(value) && value !== 0) as Check,
} as const;
