import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createBubblewrapBackend,
  createSandboxPool,
  type SandboxBackend,
} from '../../../src/sandbox/index.ts';
import { takeBaseline } from '../../../src/sandbox/pool/reset.ts';
import { noBoxes } from '../../support/boxes.ts';

const BUSYBOX = '/bin/busybox';
const APPLETS = ['sh', 'true', 'cat', 'cut', 'find', 'ls', 'rm', 'sed', 'sleep', 'stat', 'wc'];
/** It needs one that has all its libraries in itself, as `busybox-static` has. */
const noBusybox = noBoxes ?? (runs(BUSYBOX) ? undefined : 'busybox is not installed');

function runs(program: string): boolean {
  return spawnSync(program, ['true']).status === 0;
}

describe.skipIf(noBusybox !== undefined)('a box of busybox, whose `find` knows no -cnewer', () => {
  let folder: string;
  let backend: SandboxBackend;
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'busybox-'));
    chmodSync(folder, 0o755);
    for (const name of ['bin', 'etc']) mkdirSync(path.join(folder, name));
    copyFileSync(BUSYBOX, path.join(folder, 'bin/busybox'));
    for (const name of APPLETS) symlinkSync('busybox', path.join(folder, 'bin', name));
    backend = createBubblewrapBackend();
  });
  afterAll(async () => {
    await backend[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  test('can’t be brought back to what it was, so it is leased once', async () => {
    const spec = { image: folder };
    const { signal } = new AbortController();
    const box = await backend.create(spec, { signal });
    expect(await takeBaseline(box, signal)).toBeUndefined();
    const pool = createSandboxPool({ backend, maxUses: 5, maxTotal: 1, createTimeoutMs: 30_000 });
    const ids: string[] = [];
    for (const owner of ['first', 'second']) {
      await using lease = await pool.acquire(spec, { owner });
      expect((await lease.exec({ argv: ['true'] })).exitCode).toBe(0);
      expect(lease.earlierUses).toBe(0);
      ids.push(lease.id);
    }
    expect(new Set(ids).size).toBe(2);
    await pool.drain();
  });
});
