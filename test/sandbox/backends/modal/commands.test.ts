import { expect, test } from 'vitest';
import { outputText } from '../../../../src/sandbox/index.ts';
import { useFakeModal } from '../../../support/modal/use-fake-modal.ts';

const bench = useFakeModal();

test('smoke', async () => {
  const t0 = performance.now();
  const sandbox = await bench.sandbox();
  console.log('create', performance.now() - t0);
  const t1 = performance.now();
  const result = await sandbox.exec({ argv: ['sh', '-c', 'echo hi; echo err >&2; exit 3'] });
  console.log('exec', performance.now() - t1);
  expect([result.exitCode, outputText(result.stdout), outputText(result.stderr)]).toEqual([3, 'hi\n', 'err\n']);
  const late = await sandbox.exec({ argv: ['sh', '-c', 'echo before; sleep 20'] }, { timeoutMs: 1000 });
  console.log(late.exitCode, outputText(late.stdout), late.leftRunning, late.durationMs);
  console.log(bench.fake.faults.calls.join(' '));
});
