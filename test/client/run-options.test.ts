import { createRouterTransport } from '@connectrpc/connect';
import { expect, it } from 'vitest';
import { RunClient, type RunOptions } from '../../src/client/index.ts';

/** A server that has nothing: whatever reached it would be refused as unimplemented. */
const runs = new RunClient(createRouterTransport(() => {}));
const batchSize = { kind: 'rows', rows: 4 } as const;
const open = (options: unknown) =>
  runs.open('run', { batchSize, ...(options as Partial<RunOptions>) });

it.each<[string, unknown]>([
  ['maxRowTokens', { maxRowTokens: 1.5 }],
  ['maxRowTokens', { maxRowTokens: Number.NaN }],
  ['maxRowTokens', { maxRowTokens: 2 ** 31 }],
  ['maxRowTokens', { maxRowTokens: '4096' }],
  ['maxWaitingGroups', { maxWaitingGroups: -1 }],
  ['maxStaleness', { maxStaleness: 0.5 }],
  ['batchSize.rows', { batchSize: { kind: 'rows', rows: 1.5 } }],
  ['batchSize.tokens', { batchSize: { kind: 'tokens', tokens: -1 } }],
  ['overLength', { overLength: 'cut' }],
  ['admission.kind', { admission: { kind: 'on' } }],
  ['admission.factor', { admission: { kind: 'soft' } }],
  ['shares', { shares: { environment: 'shop' } }],
  ['shares[0].environment', { shares: [{ weight: 1 }] }],
  ['shares[0].wieght', { shares: [{ environment: 'shop', wieght: 1 }] }],
  ['shares[1].minShare', { shares: [{ environment: 'a' }, { environment: 'b', minShare: '1' }] }],
  ['shares[0].whenShort', { shares: [{ environment: 'shop', whenShort: 'drop' }] }],
])('%s is refused before the call, by the name that the caller gave', async (field, options) => {
  await expect(open(options)).rejects.toMatchObject({ kind: 'invalid_input', field });
});

it('what is right, or left out as undefined, is sent', async () => {
  const shares = [{ environment: 'shop', minShare: 0.5 }];
  const admission = { kind: 'soft', factor: 1.5 };
  const options = { shares, admission, overLength: 'split', maxRowTokens: undefined };
  await expect(open(options)).rejects.toMatchObject({ name: 'ConnectError' });
});
