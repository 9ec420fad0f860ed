import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll } from 'vitest';
import { createProcessBackend } from '../../../../src/sandbox/index.ts';
import { testSandboxContract } from '../contract-suite.ts';

// Nothing in the suite can harm the host: its commands write below their own folders and end themselves.
const folder = mkdtempSync(path.join(tmpdir(), 'process-contract-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

testSandboxContract({
  name: 'process',
  createBackend: () => createProcessBackend({ folder, allowRoot: true, onWarning: () => {} }),
});
