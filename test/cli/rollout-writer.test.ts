import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { RolloutWriter } from '../../src/cli/rollout-writer.ts';
import { NO_RENDERING, unplayedRollout } from '../../src/contract/index.ts';

test.skipIf(!existsSync('/dev/full'))('a disk that is full is told with what to do', async () => {
  const writer = new RolloutWriter('/dev/full');
  const failure = { kind: 'model_error', reason: 'NO', message: 'no' } as const;
  const rollout = unplayedRollout({
    ...{ id: 'r', groupId: '', taskKey: 't', index: 0, stopReason: 'model_error', failure },
    provenance: {
      ...{ environment: 'e', environmentVersion: '', verifierVersion: '', model: 'm' },
      ...{
        sampling: {},
        rendering: NO_RENDERING,
        isolation: 'none',
        workerId: '',
        logprobMode: '',
      },
    },
    timeMs: 0,
  });
  writer.write(rollout, '');
  await expect(writer[Symbol.asyncDispose]()).rejects.toMatchObject({
    kind: 'infrastructure_error',
    reason: 'ROLLOUT_FILE_LOST',
    message: expect.stringMatching(/\/dev\/full can't be written to any more: ENOSPC.*make room/),
  });
  expect(writer.failure).toBeDefined();
});
