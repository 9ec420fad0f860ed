import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createE2bBackend, type SandboxBackend } from '../../../../src/sandbox/index.ts';
import { noBoxes } from '../../../support/boxes.ts';
import { FakeE2b } from '../../../support/e2b/fake-e2b.ts';

const never = new AbortController().signal;

describe.skipIf(noBoxes !== undefined)('what E2B may answer', { timeout: 30_000 }, () => {
  let fake: FakeE2b;
  let backend: SandboxBackend;
  beforeEach(async () => {
    fake = await FakeE2b.start();
    backend = createE2bBackend(fake.options);
  });
  afterEach(async () => {
    expect(fake.unexpected).toEqual([]);
    await backend[Symbol.asyncDispose]();
    await fake[Symbol.asyncDispose]();
  });

  test('a wrong key, a full team and a broken service are told apart', async () => {
    const wrong = createE2bBackend({ ...fake.options, apiKey: 'e2b_wrong' });
    await expect(wrong.create({}, { signal: never })).rejects.toMatchObject({
      kind: 'failed_precondition',
      reason: 'E2B_CREDENTIALS',
    });
    for (const [status, kind, reason] of [
      [429, 'resource_exhausted', 'SANDBOX_QUOTA'],
      [500, 'infrastructure_error', 'SANDBOX_FAULT'],
      [503, 'infrastructure_error', 'SANDBOX_FAULT'],
    ] as const) {
      fake.fail('create', status);
      const made = backend.create({}, { signal: never });
      await expect(made).rejects.toMatchObject({ kind, reason });
    }
  });

  test('the network is asked for as the spec says', async () => {
    for (const network of ['none', 'open', { allow: ['example.org'] }] as const) {
      await backend.create({ network }, { signal: never });
    }
    expect(fake.created).toMatchObject([
      { allow_internet_access: false },
      { allow_internet_access: true },
      { network: { allowOut: ['example.org'], denyOut: ['0.0.0.0/0'] } },
    ]);
  });

  test('a sandbox whose time is over is gone, and no exit code', async () => {
    const box = await backend.create({}, { signal: never });
    const underWay = box.exec({ argv: ['sleep', '20'] });
    underWay.catch(() => {});
    await pause(200);
    await fake.expire(box.id);
    await expect(underWay).rejects.toMatchObject({ reason: 'SANDBOX_GONE' });
    await expect(box.exec({ argv: ['true'] })).rejects.toMatchObject({ reason: 'SANDBOX_GONE' });
    expect(await box.status()).toBe('gone');
  });

  test('a stream that breaks is a fault, and the sandbox goes on', async () => {
    const box = await backend.create({}, { signal: never });
    const underWay = box.exec({ argv: ['sleep', '20'] });
    underWay.catch(() => {});
    await pause(200);
    fake.fail('stream', 'drop');
    await expect(underWay).rejects.toMatchObject({
      kind: 'infrastructure_error',
      reason: 'SANDBOX_FAULT',
    });
    expect((await box.exec({ argv: ['true'] })).exitCode).toBe(0);
  });
});
