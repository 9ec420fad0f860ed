import { expect, test } from 'vitest';
import { expectSound } from '../broker/stores/support/files-trial.ts';
import { checkEvidence } from './support/check-evidence.ts';
import { crashTrial } from './support/crash-trial.ts';
import { histogramText, trialText } from './support/print-trial.ts';

/** Stores that are worked on at a time, each with its own server, producers and ranks. */
const LANES = 4;
const KILLS = 160;

test(`of ${KILLS} servers killed under load, no accepted group is lost, altered or in two batches, and each batch is the same whenever it comes`, async () => {
  let left = KILLS;
  const lanes = await Promise.all(
    Array.from({ length: LANES }, async (_, lane) => {
      await using trial = await crashTrial({ seed: 11 + lane, goOn: () => left-- > 0 });
      expect(trial.refused).toBeUndefined();
      const verdict = checkEvidence(trial.evidence);
      await expectSound(trial.folder);
      return { trial, verdict };
    }),
  );
  const all = lanes.map(({ trial, verdict }) => trialText(trial, verdict)).join('\n');
  const histogram = histogramText(lanes.map(({ trial }) => trial.histogram));
  process.stdout.write(`${all}\n${histogram}\n`);
  for (const { verdict } of lanes) expect(verdict.findings).toEqual([]);
  expect(lanes.reduce((sum, { trial }) => sum + trial.kills, 0)).toBe(KILLS);
  // Or there was no load to kill them under.
  expect(lanes.reduce((sum, { verdict }) => sum + verdict.accepted, 0)).toBeGreaterThan(KILLS);
  for (const moment of ['fdatasync', 'SQLite', 'submit', 'cut', 'ack', 'serve']) {
    expect(histogram).toContain(moment);
  }
}, 900_000);
