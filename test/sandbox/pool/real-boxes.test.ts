import { afterAll, describe, expect, test } from 'vitest';
import {
  createBubblewrapBackend,
  createSandboxPool,
  outputText,
  type Sandbox,
  type SandboxLease,
  type SandboxSpec,
} from '../../../src/sandbox/index.ts';
import { resetSandbox, takeBaseline } from '../../../src/sandbox/pool/reset.ts';
import { noBoxes } from '../../support/boxes.ts';

const backend = createBubblewrapBackend();
const never = new AbortController().signal;

afterAll(async () => {
  await backend[Symbol.asyncDispose]();
});

const sh = async (box: Sandbox | SandboxLease, script: string): Promise<string> =>
  outputText((await box.exec({ argv: ['bash', '-c', script] })).stdout).trim();

describe.skipIf(noBoxes)('a used box', () => {
  const usedBy = async (
    script: string,
    spec: SandboxSpec = {},
  ): Promise<{ box: Sandbox; baseline: string }> => {
    const box = await backend.create(spec, { signal: never });
    const baseline = await takeBaseline(box, never);
    if (baseline === undefined) throw new Error('no baseline');
    await sh(box, script);
    return { box, baseline };
  };

  test.each([
    ['processes', '(setsid sleep 300 >/dev/null 2>&1 &) ; (sleep 301 >/dev/null 2>&1 &)'],
    ['files of the workspace', 'cd "$PWD"; echo x > .hidden; mkdir -p a/b; echo y > a/b/c'],
    ['files nobody may read', 'mkdir -p a/b; echo y > a/b/c; chmod 000 a/b/c a/b a'],
    [
      'files of /tmp, /dev/shm and the home',
      'for d in /tmp /dev/shm "$HOME"; do echo x > $d/.x; done',
    ],
    ['names that look like options', 'touch -- -rf "a b" $\'new\\nline\''],
    ['links that lead out', 'ln -s /etc /tmp/etc; ln -s / root'],
  ])('is as new after a reset, whatever its tenant left: %s', async (_, script) => {
    const { box, baseline } = await usedBy(script);
    await resetSandbox(box, baseline, never);
    expect(
      await sh(box, 'ls -A . /tmp "$HOME" /dev/shm/ | grep -v -e : -e "^$"; pgrep sleep'),
    ).toBe('.lachesis-mark\n.lachesis-mark');
    await resetSandbox(box, baseline, never);
    await box.terminate();
  });

  test.each([
    ['a forged mark', 'touch -d 2099-01-01 /tmp/.lachesis-mark'],
    ['a removed mark', 'rm /tmp/.lachesis-mark'],
    ['a mark made anew', 'rm /tmp/.lachesis-mark; : > /tmp/.lachesis-mark'],
    ['a folder with other rights', 'chmod 0700 /tmp'],
  ])('is destroyed where a tenant left more: %s', async (_, script) => {
    const { box, baseline } = await usedBy(script);
    await expect(resetSandbox(box, baseline, never)).rejects.toMatchObject({
      reason: 'RESET_DIFFERS',
    });
    await box.terminate();
  });
});

test.skipIf(noBoxes)(
  'forged programs and processes left behind deceive no reset of a box',
  async () => {
    const env = { PATH: '/workspace/bin:/usr/bin:/bin' };
    const box = await backend.create({ env }, { signal: never });
    const baseline = await takeBaseline(box, never);
    // One that finds nothing, and one that ends whatever a reset runs.
    await sh(
      box,
      `mkdir bin; printf '#!/bin/sh\n' > bin/find; chmod +x bin/find; echo x > /tmp/left
     (setsid bash -c 'while :; do pkill -9 -x sed; pkill -9 -x find; done' >/dev/null 2>&1 &)`,
    );
    expect(await sh(box, 'command -v find; pgrep -c bash')).toMatch(
      /^\/workspace\/bin\/find\n[1-9]/,
    );
    await resetSandbox(box, baseline ?? '', never);
    expect(await sh(box, 'ls -A . /tmp; pgrep -c pkill')).toBe('.:\n\n/tmp:\n.lachesis-mark\n0');
    await box.terminate();
  },
);

test.skipIf(noBoxes)('what runs in a box is ended from outside, and the box goes on', async () => {
  const box = await backend.create({}, { signal: never });
  await sh(
    box,
    'for n in 1 2 3; do (setsid bash -c "trap : TERM; sleep 99; :" & ); done >/dev/null 2>&1',
  );
  expect(await sh(box, 'pgrep -c sleep')).toBe('3');
  await box.endCommands?.();
  expect(await sh(box, 'pgrep -c sleep')).toBe('0');
  await box.terminate();
  await expect(box.endCommands?.()).rejects.toMatchObject({ reason: 'SANDBOX_GONE' });
});

/** Leases of boxes that each have a file of their own: a nonce, in every place a tenant may write to. */
test.skipIf(noBoxes).each([
  ['used once', 1],
  ['reset between', 4],
])(
  'no lease of a storm on real boxes ever sees another: %s',
  async (_, maxUses) => {
    const pool = createSandboxPool({ backend, maxTotal: 3, maxUses, createTimeoutMs: 30_000 });
    const leases = maxUses === 1 ? 200 : 60;
    const seen: string[] = [];
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < leases) {
        const owner = `lease-${next++}`;
        const spec = { env: { KIND: String(next % 2) } };
        await using lease = await pool.acquire(spec, { owner });
        const nonce = lease.leaseId;
        const found = await sh(
          lease,
          'cat nonce /tmp/nonce "$HOME/nonce" 2>/dev/null; pgrep sleep; ' +
            `echo ${nonce} | tee nonce /tmp/nonce "$HOME/nonce" >/dev/null; (setsid sleep 99 >/dev/null 2>&1 &)`,
        );
        if (found !== '') seen.push(`${owner} found ${found}`);
        const own = await sh(lease, 'cat nonce /tmp/nonce "$HOME/nonce" | sort -u');
        if (own !== nonce) seen.push(`${owner} has ${own}`);
      }
    };
    await Promise.all(Array.from({ length: 6 }, work));
    const reused = pool.stats().byKey.reduce((sum, key) => sum + key.reused, 0);
    expect(seen).toEqual([]);
    if (maxUses > 1) expect(reused).toBeGreaterThan(0);
    expect(await pool.drain({ graceMs: 0 })).toEqual({ forced: [], survivors: [] });
  },
  30_000,
);
