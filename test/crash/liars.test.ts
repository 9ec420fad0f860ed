import { expect, test } from 'vitest';
import { checkEvidence } from './support/check-evidence.ts';
import { crashTrial } from './support/crash-trial.ts';

test('a store that answers before its commit is found out', async () => {
  await using trial = await crashTrial({
    ...{ seed: 3, liar: 'store' },
    goOn: (kills) => kills < 6,
  });
  const kinds = checkEvidence(trial.evidence).findings.map(({ kind }) => kind);
  expect(kinds).toContain('lost');
}, 120_000);

test('a disk that syncs payloads after the commit is found out: no server starts on what it left', async () => {
  await using trial = await crashTrial({
    ...{ seed: 4, liar: 'disk', segmentBytes: 2 ** 28 },
    goOn: (kills) => kills < 20,
  });
  expect(trial.refused).toMatch(/\.seg has \d+ bytes, and \d+ were committed/);
}, 120_000);
