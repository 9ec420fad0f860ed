import type { Verdict } from './check-evidence.ts';
import type { CrashTrial } from './crash-trial.ts';

/** A histogram as text, the most frequent first. */
export function histogramText(histograms: readonly ReadonlyMap<string, number>[]): string {
  const sums = new Map<string, number>();
  for (const [moment, count] of histograms.flatMap((one) => [...one])) {
    sums.set(moment, (sums.get(moment) ?? 0) + count);
  }
  const lines = [...sums].sort(([, a], [, b]) => b - a);
  return lines.map(([moment, count]) => `${String(count).padStart(6)}  ${moment}`).join('\n');
}

/** What a trial came to, in one line. */
export function trialText({ kills, realKills }: CrashTrial, verdict: Verdict): string {
  const { accepted, batches, deliveries, redeliveries, findings } = verdict;
  return (
    `${kills} kills (${realKills} of \`lachesis serve\`), ${accepted} groups accepted, ${batches} batches, ` +
    `${deliveries} deliveries (${redeliveries} again), ${findings.length} findings`
  );
}
