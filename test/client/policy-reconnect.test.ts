import { Code } from '@connectrpc/connect';
import { expect, test } from 'vitest';
import type { Row } from '../../src/client/index.ts';
import { createEmbeddedPolicy } from '../../src/policy/index.ts';
import { tinyCheckpoint } from '../policy/tiny.ts';
import { serveForTest } from '../support/serve.ts';
import { tcpProxy } from '../support/tcp-proxy.ts';

const TOKENS = 3_000;

const row: Row = {
  ...{ id: 'r', rolloutId: 'r', segmentId: '0', agent: '', columns: [] },
  tokenIds: new Int32Array(TOKENS).fill(104),
  logprobs: new Float32Array(TOKENS - 1).fill(-1),
  spans: [
    { length: 1, origin: 'prompt', loss: 'not_sampled' },
    { length: TOKENS - 1, origin: 'sampled', loss: 'trained', callIndex: 0 },
  ],
  policyVersions: [{ length: TOKENS - 1, announcedVersion: 0 }],
};

async function farPolicy() {
  await using owned = new AsyncDisposableStack();
  const policy = owned.use(
    createEmbeddedPolicy({ checkpoint: tinyCheckpoint(), contextTokens: TOKENS }),
  );
  const served = owned.use(await serveForTest({ policy }));
  const proxy = owned.use(await tcpProxy(served.server.port));
  const client = owned.use(
    await served.connect({
      address: proxy.address,
      token: served.server.tokens!.operator,
      reconnect: { initialMs: 10, maxMs: 40 },
      transport: { reconnectInitialMs: 10, reconnectMaxMs: 40, retry: false },
    }),
  );
  const all = owned.move();
  return {
    ...{ policy, proxy, remote: client.policy },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

const step = { stepId: 's', loss: 'reinforce' } as const;

test('a training step whose connection breaks is sent again, and trained once', async () => {
  await using far = await farPolicy();
  const { policy, proxy, remote } = far;
  await remote.describe();
  proxy.cutAfter(10_000, 'up');
  const first = await remote.trainStep([{ row, advantage: 1 }], step);
  expect(first.policyVersion).toBe(1);
  // Trained already when the answer is lost.
  proxy.cutAfter(1, 'down');
  expect(await remote.trainStep([{ row, advantage: 1 }], step)).toEqual(first);
  expect(policy.version).toBe(1);
});

test('rows that can be read but once are not sent again', async () => {
  await using far = await farPolicy();
  const { policy, proxy, remote } = far;
  await remote.describe();
  proxy.cutAfter(10_000, 'up');
  const once = [{ row, advantage: 1 }].values();
  await expect(remote.trainStep(once, step)).rejects.toMatchObject({ code: Code.Unavailable });
  expect(policy.version).toBe(0);
});

test('what only reads a policy goes on, pausing too; new weights and generations do not', async () => {
  await using far = await farPolicy();
  const { policy, proxy, remote } = far;
  const weights = await remote.getWeights();
  proxy.cutAfter(1_000, 'down');
  expect((await remote.getWeights()).bytes).toEqual(weights.bytes);
  proxy.cut();
  expect((await remote.score(Int32Array.of(104, 105))).logprobs).toHaveLength(1);
  proxy.cut();
  expect(await remote.pause()).toBe(0);
  proxy.cut();
  expect(await remote.resume()).toBe(0);
  proxy.cutAfter(1_000, 'up');
  const newer = { ...weights, policyVersion: 7 };
  await expect(remote.updateWeights(newer)).rejects.toMatchObject({ code: Code.Unavailable });
  expect(policy.version).toBe(0);
});
