import { setTimeout as pause } from 'node:timers/promises';
import { Code } from '@connectrpc/connect';
import { describe, expect, test, vi } from 'vitest';
import { outputText } from '../../../../src/sandbox/index.ts';
import { noBoxes } from '../../../support/boxes.ts';
import { useFakeModal } from '../../../support/modal/use-fake-modal.ts';

const never = new AbortController().signal;
const gone = { kind: 'infrastructure_error', reason: 'SANDBOX_GONE' };
/** What Modal's client tries again. */
const TRANSIENT = [Code.Unavailable, Code.Internal, Code.Unknown, Code.DeadlineExceeded];

describe.skipIf(noBoxes !== undefined)('when Modal fails', () => {
  const bench = useFakeModal();
  const tagged = () => bench.backend().list({}, never);

  test('without credentials, and with wrong ones, it is said what to set', async () => {
    vi.stubEnv('MODAL_TOKEN_ID', '');
    try {
      const made = bench.sandbox();
      const expected = { kind: 'failed_precondition', reason: 'MODAL_CREDENTIALS' };
      await expect(made).rejects.toMatchObject(expected);
      await expect(made).rejects.toThrow(/MODAL_TOKEN_ID.*\.modal\.toml/);
      const wrong = bench.sandbox({}, { tokenId: 'ak-other', tokenSecret: 'as-other' });
      await expect(wrong).rejects.toMatchObject(expected);
      const probe = await bench.backend().probe({ signal: never });
      expect(probe).toMatchObject({ works: false });
      expect(probe.remedy).toMatch(/MODAL_TOKEN_SECRET/);
      // The options are enough without any variable.
      await bench.sandbox({}, { tokenId: 'ak-fake', tokenSecret: 'as-fake' });
    } finally {
      vi.stubEnv('MODAL_TOKEN_ID', bench.fake.env['MODAL_TOKEN_ID']!);
    }
  });

  test('a full quota is told as one, which a pool waits for', async () => {
    bench.fake.faults.fail('SandboxCreateV2', Code.ResourceExhausted);
    await expect(bench.sandbox()).rejects.toMatchObject({
      kind: 'resource_exhausted',
      reason: 'SANDBOX_QUOTA',
    });
  });

  test('a throttled call is tried again when Modal says so, but not for ever', async () => {
    bench.fake.faults.fail('SandboxCreateV2', { throttledSecs: 0.1 }, { throttledSecs: 0.1 });
    await bench.sandbox();
    bench.fake.faults.fail('SandboxCreateV2', { throttledSecs: 5 });
    const beganMs = performance.now();
    const made = bench.sandbox({}, { maxThrottleWaitMs: 1_000 });
    await expect(made).rejects.toMatchObject({ kind: 'resource_exhausted' });
    expect(performance.now() - beganMs).toBeLessThan(2_000);
  });

  test.each(['AppGetOrCreate', 'ImageGetOrCreate', 'SandboxCreateV2', 'AuthTokenGet'])(
    '%s may fail for a moment',
    async (rpc) => {
      bench.fake.faults.fail(rpc, Code.Unavailable, Code.Internal);
      await bench.sandbox();
    },
  );

  test('one that fails for longer is a fault, and the next one is not spoilt by it', async () => {
    const backend = bench.backend();
    bench.fake.faults.fail('AppGetOrCreate', ...TRANSIENT);
    await expect(backend.create({}, { signal: never })).rejects.toMatchObject({
      kind: 'infrastructure_error',
      reason: 'SANDBOX_FAULT',
    });
    await backend.create({}, { signal: never });
  });

  test.each(['TaskExecStart', 'TaskExecStdioRead', 'TaskExecStdinWrite'])(
    'a command survives that %s fails for a moment',
    async (rpc) => {
      const sandbox = await bench.sandbox();
      bench.fake.faults.fail(rpc, ...TRANSIENT);
      const result = await sandbox.exec({ argv: ['cat'], stdin: Buffer.from('all of it') });
      expect([result.exitCode, outputText(result.stdout)]).toEqual([0, 'all of it']);
    },
  );

  test('a command survives that its ending can not be asked for at first', async () => {
    const sandbox = await bench.sandbox();
    bench.fake.faults.fail('TaskExecWait', Code.Unavailable);
    const result = await sandbox.exec({ argv: ['sh', '-c', 'echo said; exit 4'] });
    expect([result.exitCode, outputText(result.stdout)]).toEqual([4, 'said\n']);
  });

  test('a command of which only the answers are lost runs once, and reads its input once', async () => {
    const sandbox = await bench.sandbox();
    for (const rpc of ['TaskExecStart', 'TaskExecStdinWrite']) {
      bench.fake.faults.fail(rpc, { lostAnswer: Code.Unavailable });
    }
    const script = 'echo ran >> runs; cat >> input';
    await sandbox.exec({ argv: ['sh', '-c', script], stdin: Buffer.from('once\n') });
    const { stdout } = await sandbox.exec({ argv: ['cat', 'runs', 'input'] });
    expect(outputText(stdout)).toBe('ran\nonce\n');
  });

  test('a sandbox whose making was answered to nobody is found by its tags', async () => {
    bench.fake.faults.fail('SandboxCreateV2', { lostAnswer: Code.PermissionDenied });
    const tags = { 'lachesis-owner': 'lost' };
    const made = bench.backend().create({}, { tags, signal: never });
    await expect(made).rejects.toMatchObject({ kind: 'failed_precondition' });
    const [found] = await bench.backend().list(tags, never);
    await found?.terminate();
    expect(bench.fake.running).toEqual([]);
  });

  test('a connection that drops in the middle of a command loses nothing of it', async () => {
    const sandbox = await bench.sandbox();
    const script = 'for i in 1 2 3 4 5 6; do echo "line $i"; sleep 0.15; done; exit 6';
    const running = sandbox.exec({ argv: ['sh', '-c', script] });
    await pause(250);
    bench.fake.dropConnections();
    await pause(300);
    bench.fake.dropConnections();
    const result = await running;
    expect(outputText(result.stdout)).toBe('line 1\nline 2\nline 3\nline 4\nline 5\nline 6\n');
    expect(result.exitCode).toBe(6);
  });

  test("a worker's token that has expired is renewed, and the command goes on", async () => {
    bench.fake.world.tokenSecs = 20;
    try {
      const sandbox = await bench.sandbox();
      const before = bench.fake.faults.count('SandboxGetCommandRouterAccess');
      bench.fake.expireTokens(sandbox.id);
      const result = await sandbox.exec({ argv: ['echo', 'renewed'] });
      expect(outputText(result.stdout)).toBe('renewed\n');
      expect(bench.fake.faults.count('SandboxGetCommandRouterAccess')).toBe(before + 1);
    } finally {
      bench.fake.world.tokenSecs = 3_600;
    }
  });

  test('a sandbox that is lost takes its command with it, as a fault and no exit code', async () => {
    const sandbox = await bench.sandbox();
    const running = sandbox.exec({ argv: ['sleep', '30'] });
    await pause(200);
    await bench.fake.loseWorker(sandbox.id);
    await expect(running).rejects.toMatchObject(gone);
    await expect(sandbox.exec({ argv: ['true'] })).rejects.toMatchObject(gone);
    await expect(sandbox.snapshot!()).rejects.toMatchObject(gone);
    await expect(sandbox.setNetwork!('none')).rejects.toMatchObject(gone);
    expect(await sandbox.status()).toBe('gone');
    await sandbox.terminate();
  });

  test('a sandbox whose time is over says so, to a command under way too', async () => {
    const sandbox = await bench.sandbox({}, { lifetimeMs: 60_000, watchMs: 100 });
    const running = sandbox.exec({ argv: ['sleep', '30'] });
    await pause(200);
    await bench.fake.world.advance(60_000);
    await expect(running).rejects.toMatchObject(gone);
    expect(await tagged()).toEqual([]);
  });

  test('an idle sandbox is ended by Modal, one at work is not', async () => {
    const [idle, busy] = await Promise.all([bench.sandbox(), bench.sandbox()]);
    const running = busy.exec({ argv: ['sh', '-c', 'sleep 1; echo done'] });
    await pause(200);
    await bench.fake.world.advance(700_000);
    expect(bench.fake.running.map(({ id }) => id)).toEqual([busy.id]);
    expect(outputText((await running).stdout)).toBe('done\n');
    expect(await idle.status()).toBe('gone');
  });

  test('a call of Modal that fails for lack of a right says nothing of the credentials', async () => {
    const sandbox = await bench.sandbox();
    bench.fake.faults.fail('TaskExecStart', Code.PermissionDenied);
    await expect(sandbox.exec({ argv: ['true'] })).rejects.toMatchObject({
      kind: 'infrastructure_error',
      reason: 'SANDBOX_FAULT',
    });
    expect((await sandbox.exec({ argv: ['true'] })).exitCode).toBe(0);
  });

  test('all pages of the list are read', async () => {
    const backend = bench.backend();
    const tags = { 'lachesis-owner': 'many' };
    const make = () => backend.create({}, { tags, signal: never });
    const ids = (await Promise.all(Array.from({ length: 5 }, make))).map(({ id }) => id);
    const found = await backend.list(tags, never);
    expect(found.map(({ id }) => id).sort()).toEqual(ids.sort());
  });

  test('to list and to create heed their signal', async () => {
    const reason = new Error('no more');
    const signal = AbortSignal.abort(reason);
    await expect(bench.backend().list({}, signal)).rejects.toBe(reason);
    await expect(bench.backend().create({}, { signal })).rejects.toBe(reason);
  });
});
