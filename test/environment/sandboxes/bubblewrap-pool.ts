import { afterAll } from 'vitest';
import {
  createBubblewrapBackend,
  createSandboxPool,
  type SandboxBackend,
  type SandboxPool,
} from '../../../src/sandbox/index.ts';

/** A pool of four boxes at most, ended after the tests of the file. */
export function bubblewrapPool(): { readonly backend: SandboxBackend; readonly pool: SandboxPool } {
  const backend = createBubblewrapBackend();
  const pool = createSandboxPool({ backend, maxTotal: 4 });
  afterAll(async () => {
    await pool.drain({ graceMs: 0 });
    await backend[Symbol.asyncDispose]();
  });
  return { backend, pool };
}
