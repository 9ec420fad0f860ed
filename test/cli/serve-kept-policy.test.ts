import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { connect, type Row } from '../../src/client/index.ts';
import { freePort, runChild, testFolder } from '../worker/support/processes.ts';
import { cli } from './support.ts';

const shop = path.resolve(import.meta.dirname, '../../examples/environments/shop.ts');

const row: Row = {
  ...{ id: 'r', rolloutId: 'r', segmentId: '0', agent: '', columns: [] },
  tokenIds: Int32Array.of(104, 105, 32, 65, 66),
  logprobs: Float32Array.of(-1, -2),
  spans: [
    { length: 3, origin: 'prompt', loss: 'not_sampled' },
    { length: 2, origin: 'sampled', loss: 'trained', callIndex: 0 },
  ],
  policyVersions: [{ length: 2, announcedVersion: 0 }],
};

test('serve that is killed goes on with the weights, the version and the steps of its policy', async () => {
  await using folder = await testFolder();
  const store = path.join(folder.path, 'store');
  const port = await freePort();
  const serve = () =>
    runChild('src/cli/run.ts', ['serve', shop, '--port', `${port}`, '--store', store], folder.path);
  const tokenDirectory = path.join(folder.path, 'lachesis');
  const first = serve();
  await using _first = first;
  const [, address = ''] = await first.until(/listening on (\S+)/);
  await using client = await connect({ address, tokenDirectory });
  const step = { stepId: 's1', loss: 'reinforce', learningRate: 1e-2 } as const;
  const trained = await client.policy.trainStep([{ row, advantage: 1 }], step);
  expect(trained.policyVersion).toBe(1);
  const before = await client.policy.getWeights();
  await first.kill();
  // Begun while nobody is there; the client follows, and the policy knows the step.
  const again = client.policy.trainStep([{ row, advantage: 1 }], step);
  const after = client.policy.getWeights();
  await using second = serve();
  await second.until(/policy\.bin: version 1/);
  expect(await again).toEqual(trained);
  const { policyVersion, bytes } = await after;
  expect(policyVersion).toBe(1);
  expect(bytes).toEqual(before.bytes);
  expect(await second.stop()).toBe(0);
}, 90_000);

test('serve keeps its policy where it is told to, or not at all', async () => {
  await using folder = await testFolder();
  const store = path.join(folder.path, 'store');
  const file = path.join(folder.path, 'mine.bin');
  const trainOnce = async (...args: string[]): Promise<string> => {
    const run = cli('serve', shop, ...args);
    const [, address = ''] = await run.until(/listening on (\S+)/);
    await using client = await connect({ address });
    await client.policy.trainStep([{ row, advantage: 1 }], { stepId: 's', loss: 'reinforce' });
    run.stop();
    expect(await run.code).toBe(0);
    return run.out();
  };
  await trainOnce('--policy-keep', file);
  expect(await trainOnce('--policy-keep', file)).toMatch(/mine\.bin: version 1/);
  mkdirSync(store);
  await trainOnce('--store', store, '--policy-keep', 'none');
  expect(existsSync(path.join(store, 'policy.bin'))).toBe(false);
  const url = ['--openai-url', 'http://127.0.0.1:9/v1', '--openai-model', 'm'];
  const other = cli('serve', shop, '--policy-keep', file, ...url);
  expect(await other.code).toBe(2);
  expect(other.err()).toMatch(/--policy-keep: is for the embedded policy/);
});
