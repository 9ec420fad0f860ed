// real-model.ts
import { createManagedServer, type Engine, hermesParser, readModelRenderer } from 'lachesis';

/** A managed server of a model whose own files lie in `folder`, over an engine that serves it. */
export async function serve(folder: string, engine: Engine, log: (line: string) => void) {
  const renderer = await readModelRenderer(folder);
  log(`rendering: ${renderer.certification.summary}`);
  return createManagedServer({ engine, renderer, parser: hermesParser });
}
