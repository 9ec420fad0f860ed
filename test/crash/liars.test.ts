import { expect, test } from 'vitest';
import { errorMessage } from '../../src/errors.ts';
import { checkEvidence } from './support/check-evidence.ts';
import { crashTrial } from './support/crash-trial.ts';

test('a store that answers before its commit is found out', async () => {
  const options = { seed: 3, liar: 'store' as const, goOn: (kills: number) => kills < 8 };
  const found = await crashTrial(options).then(
    async (trial) => {
      await trial[Symbol.asyncDispose]();
      return checkEvidence(trial.evidence).findings.map(({ kind }) => kind);
    },
    // A trainer's own client may notice first.
    (error: unknown) => [errorMessage(error)],
  );
  expect(found.join(' ')).toMatch(/lost|came again as another batch/);
}, 120_000);

test('a disk that syncs payloads after the commit is found out: no server starts on what it left', async () => {
  await using trial = await crashTrial({
    ...{ seed: 4, liar: 'disk', segmentBytes: 2 ** 28 },
    goOn: (kills) => kills < 20,
  });
  expect(trial.refused).toMatch(/\.seg has \d+ bytes, and \d+ were committed/);
}, 120_000);
