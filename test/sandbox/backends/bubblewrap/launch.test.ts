import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { launchBox } from '../../../../src/sandbox/backends/bubblewrap/launch.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'launch-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const launch = (script: string, signal = new AbortController().signal) => {
  const bwrap = path.join(folder, `bwrap-${Math.random()}`);
  writeFileSync(bwrap, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const command = { args: [], files: ['content'] };
  return launchBox({
    bwrap,
    command,
    identity: undefined,
    inherited: [],
    timeoutMs: 5_000,
    signal,
  });
};

test.skipIf(process.platform !== 'linux')(
  'a box is up when it said so and all that bwrap tells of it is there',
  async () => {
    const box = await launch(
      `echo "ready u"; printf '{ "child-pid": 12' >&3; sleep 0.2; printf '345, "x": 1' >&3; sleep 0.2; printf '\\n}' >&3; exec sleep 60`,
    );
    expect([box.initPid, box.greeting]).toEqual([12_345, 'ready u']);
    box.child.kill('SIGKILL');
    await box.ended;
  },
);

test.skipIf(process.platform !== 'linux')('the files that it is given are whole', async () => {
  const box = await launch(`printf '{ "child-pid": 7 }' >&3; echo "$(cat <&4)"; exec sleep 60`);
  expect(box.greeting).toBe('content');
  box.child.kill('SIGKILL');
  await box.ended;
});

test.skipIf(process.platform !== 'linux')(
  'one that ends early or is called off is ended, and says why',
  async () => {
    await expect(launch('echo "some words" >&2; exit 3')).rejects.toMatchObject({
      reason: 'SANDBOX_CREATE_FAILED',
      message: expect.stringContaining('some words'),
    });
    const controller = new AbortController();
    const reason = new Error('called off');
    setTimeout(() => controller.abort(reason), 100);
    await expect(launch('exec sleep 60', controller.signal)).rejects.toBe(reason);
  },
);
