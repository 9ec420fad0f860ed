import { createRouterTransport } from '@connectrpc/connect';
import { expect, it } from 'vitest';
import { RunClient, type RunOptions } from '../../src/client/index.ts';

/** A server that has nothing: whatever reached it would be refused as unimplemented. */
const runs = new RunClient(createRouterTransport(() => {}));
const part = { environment: 'shop', groupSize: 4 };
const open = (autoPlay: unknown) =>
  runs.open('run', { batchSize: { unit: 'groups', count: 1 }, autoPlay } as unknown as RunOptions);

it.each<[string, unknown]>([
  ['autoPlay.maxBatchAhead', { environments: [part], maxAhead: 1, maxBatchAhead: 2 }],
  ['autoPlay.maxAhead', { environments: [part] }],
  ['autoPlay.maxAhead', { environments: [part], maxAhead: 1e12 }],
  ['autoPlay.environments', { environments: part, maxAhead: 1 }],
  ['autoPlay.environments[0]', { environments: ['shop'], maxAhead: 1 }],
  [
    'autoPlay.environments[1].wieght',
    { environments: [part, { ...part, wieght: 2 }], maxAhead: 1 },
  ],
  [
    'autoPlay.environments[0].groupSize',
    { environments: [{ ...part, groupSize: '3' }], maxAhead: 1 },
  ],
  [
    'autoPlay.environments[0].groupSize',
    { environments: [{ ...part, groupSize: 1.5 }], maxAhead: 1 },
  ],
  ['autoPlay.environments[0].weight', { environments: [{ ...part, weight: '3' }], maxAhead: 1 }],
  ['autoPlay.environments[0].environment', { environments: [{ groupSize: 1 }], maxAhead: 1 }],
])('%s is refused before the call, by the name that the caller gave', async (field, autoPlay) => {
  await expect(open(autoPlay)).rejects.toMatchObject({ kind: 'invalid_input', field });
});

it('what is right, or left out as undefined, is sent', async () => {
  const environments = [{ ...part, split: undefined, weight: undefined }];
  await expect(open({ environments, maxAhead: 1 })).rejects.toMatchObject({ name: 'ConnectError' });
});
