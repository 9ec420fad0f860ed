import { createBubblewrapBackend, createSandboxPool, type SandboxPool } from 'lachesis';
import { afterAll, beforeAll } from 'vitest';

/** A pool of bubblewrap boxes for the tests of one file; the getter gives it once they run. */
export function boxes(maxTotal = 4): () => SandboxPool {
  let pool: SandboxPool;
  const owned = new AsyncDisposableStack();
  beforeAll(() => {
    const backend = owned.use(createBubblewrapBackend());
    pool = owned.use(createSandboxPool({ backend, maxTotal }));
  });
  afterAll(() => owned.disposeAsync());
  return () => pool;
}
