import { describe, expect, test } from 'vitest';
import { outputText } from '../../../../src/sandbox/index.ts';
import { noBoxes } from '../../../support/boxes.ts';
import { useFakeModal } from '../../../support/modal/use-fake-modal.ts';

const fault = { kind: 'infrastructure_error', reason: 'SANDBOX_FAULT' };

describe.skipIf(noBoxes !== undefined)('a worker that can not be reached', () => {
  const bench = useFakeModal();

  // Modal's client tries for 10.3 s before it gives a worker up, so all of it is looked at in one such time.
  test('fails what ran there, spoils nothing else, and is looked for anew', async () => {
    const never = new AbortController().signal;
    const backend = bench.backend();
    const make = () => backend.create({}, { signal: never });
    const [moved, cut, sick] = await Promise.all([make(), make(), make()]);
    const looksHealthy = async () => {
      bench.fake.cutOff(sick.id);
      const beganMs = performance.now();
      await expect(sick.status()).rejects.toBeDefined();
      return performance.now() - beganMs;
    };
    const afterMove = async () => {
      await bench.fake.moveWorker(moved.id);
      // Not run again by itself: it may have been.
      await expect(moved.exec({ argv: ['true'] })).rejects.toMatchObject(fault);
      const { stdout } = await moved.exec({ argv: ['echo', 'found'] });
      return outputText(stdout);
    };
    const underWay = async () => {
      const running = cut.exec({ argv: ['sleep', '60'] }, { timeoutMs: 60_000 });
      setTimeout(() => bench.fake.cutOff(cut.id), 200);
      await expect(running).rejects.toMatchObject(fault);
      // It counts for the quota, and is given back all the same.
      await cut.terminate();
    };
    const [healthMs, found] = await Promise.all([looksHealthy(), afterMove(), underWay()]);
    expect(healthMs).toBeLessThan(8_000);
    expect(found).toBe('found\n');
    expect(bench.fake.running.map(({ id }) => id)).not.toContain(cut.id);
  }, 40_000);
});
