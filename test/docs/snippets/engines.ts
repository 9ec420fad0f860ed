// engines.ts
import {
  type ChatRenderer,
  createEnginePool,
  createManagedServer,
  createSglangEngine,
  createVllmEngine,
} from 'lachesis';

/** Two vLLMs and an SGLang of one model; a third of them is for evaluation alone. */
export function trainedModel(renderer: ChatRenderer) {
  const { vocabularySize, fingerprint: rendering } = renderer;
  const served = { vocabularySize, rendering };
  const engine = createEnginePool({
    engines: [
      { engine: createVllmEngine({ url: 'http://10.0.0.1:8000', stream: true, ...served }) },
      { engine: createVllmEngine({ url: 'http://10.0.0.2:8000', stream: true, ...served }) },
      { engine: createSglangEngine({ url: 'http://10.0.0.3:30000', ...served }) },
    ],
    evaluationShare: 1 / 3,
  });
  return createManagedServer({ engine, renderer, canary: { share: 0.01 } });
}
