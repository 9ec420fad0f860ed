import { type EngineFaults, engineGateway } from '../../../src/gateways/index.ts';
import {
  type ChatRenderer,
  createChatmlRenderer,
  createVllmEngine,
  type Engine,
  type VllmEngineOptions,
} from '../../../src/models/index.ts';
import { createEmbeddedPolicy, type EmbeddedPolicy } from '../../../src/policy/index.ts';
import { startListener } from '../../../src/transport/index.ts';
import { tinyCheckpoint } from '../../policy/tiny.ts';

export interface ServedPolicy extends AsyncDisposable {
  readonly url: string;
  readonly policy: EmbeddedPolicy;
  readonly renderer: ChatRenderer;
  readonly engine: Engine;
}

/** A model behind HTTP in vLLM's shape, as `lachesis policy` serves it, with what it does wrong. */
export async function servePolicy(
  faults: EngineFaults = {},
  options: Partial<VllmEngineOptions> = {},
): Promise<ServedPolicy> {
  const policy = createEmbeddedPolicy({ checkpoint: tinyCheckpoint(), seed: 1, version: 5 });
  const listener = await startListener({
    port: 0,
    routes: () => {},
    fallbacks: engineGateway({ policy, faults, public: true }),
  });
  const renderer = createChatmlRenderer({ tokenizer: policy.tokenizer });
  const engine = createVllmEngine({
    url: listener.address.url,
    vocabularySize: renderer.vocabularySize,
    retries: { pauseMs: 1 },
    ...options,
  });
  return {
    url: listener.address.url,
    policy,
    renderer,
    engine,
    async [Symbol.asyncDispose]() {
      await engine.close();
      await listener[Symbol.asyncDispose]();
      policy[Symbol.dispose]();
    },
  };
}
