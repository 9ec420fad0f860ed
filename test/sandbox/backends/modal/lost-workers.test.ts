import { describe, expect, test } from 'vitest';
import { outputText } from '../../../../src/sandbox/index.ts';
import { noBoxes } from '../../../support/boxes.ts';
import { useFakeModal } from '../../../support/modal/use-fake-modal.ts';

// Modal's client tries for 10.3 s before it gives a worker up, so these wait for that; at the same time.
describe.skipIf(noBoxes !== undefined).concurrent('a worker that can not be reached', () => {
  const bench = useFakeModal();

  test('a command is lost, not run twice, and the next one finds where the sandbox has gone', async () => {
    const sandbox = await bench.sandbox();
    await bench.fake.moveWorker(sandbox.id);
    await expect(sandbox.exec({ argv: ['true'] })).rejects.toMatchObject({
      kind: 'infrastructure_error',
      reason: 'SANDBOX_FAULT',
    });
    const { stdout } = await sandbox.exec({ argv: ['echo', 'found'] });
    expect(outputText(stdout)).toBe('found\n');
  }, 30_000);

  test('a command under way ends as a fault while Modal says that the sandbox lives', async () => {
    const sandbox = await bench.sandbox();
    const running = sandbox.exec({ argv: ['sleep', '60'] }, { timeoutMs: 60_000 });
    setTimeout(() => bench.fake.cutOff(sandbox.id), 200);
    await expect(running).rejects.toMatchObject({
      kind: 'infrastructure_error',
      reason: 'SANDBOX_FAULT',
    });
    // What it still counts for is given back all the same.
    await sandbox.terminate();
  }, 30_000);

  test('whether it is healthy is answered within its time', async () => {
    const sandbox = await bench.sandbox();
    bench.fake.cutOff(sandbox.id);
    const beganMs = performance.now();
    await expect(sandbox.status()).rejects.toBeDefined();
    expect(performance.now() - beganMs).toBeLessThan(8_000);
  }, 30_000);
});
