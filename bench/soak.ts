// The load of the crash suite for longer: four producers and two ranks on one durable server that is
// killed again and again. `npm run -s bench -- soak --minutes 30 --lanes 2 --seed 1`
import { parseArgs } from 'node:util';
import { checkEvidence, type Verdict } from '../test/crash/support/check-evidence.ts';
import { type CrashTrial, crashTrial } from '../test/crash/support/crash-trial.ts';
import { histogramText, trialText } from '../test/crash/support/print-trial.ts';
import { report, round } from './support/report.ts';

const { values } = parseArgs({
  args: process.argv.slice(3),
  options: {
    minutes: { type: 'string', default: '10' },
    /** Stores that are worked on at a time. */
    lanes: { type: 'string', default: '2' },
    seed: { type: 'string', default: '1' },
  },
});
const minutes = Number(values.minutes);
const lanes = Number(values.lanes);
const seed = Number(values.seed);
const SAY_MS = 30_000;

const MIB = 2 ** 20;
const start = performance.now();
let saidMs = start;
let kills = 0;
/** Of servers at their death, in order. */
const residentMib: number[] = [];

function heard(residentBytes: number | undefined): void {
  kills += 1;
  if (residentBytes !== undefined) residentMib.push(Math.round(residentBytes / MIB));
  if (performance.now() - saidMs < SAY_MS) return;
  saidMs = performance.now();
  const passed = round((saidMs - start) / 60_000, 1);
  const own = Math.round(process.memoryUsage.rss() / MIB);
  console.log(
    `${passed} min: ${kills} kills, server ${residentMib.at(-1)} MiB, clients ${own} MiB`,
  );
}

async function lane(index: number): Promise<{ trial: CrashTrial; verdict: Verdict }> {
  await using trial = await crashTrial({
    seed: seed * 1_000 + index,
    goOn: () => performance.now() - start < minutes * 60_000,
    onKill: (_, { residentBytes }) => heard(residentBytes),
  });
  const verdict = checkEvidence(trial.evidence);
  console.log(trialText(trial, verdict));
  for (const { kind, what } of verdict.findings.slice(0, 20)) console.log(`  ${kind}: ${what}`);
  if (trial.refused !== undefined) console.log(`  no server came up any more: ${trial.refused}`);
  return { trial, verdict };
}

const all = await Promise.all(Array.from({ length: lanes }, (_, index) => lane(index)));
console.log(histogramText(all.map(({ trial }) => trial.histogram)));
const sum = (pick: (one: (typeof all)[number]) => number): number =>
  all.reduce((total, one) => total + pick(one), 0);
const findings = sum(({ verdict }) => verdict.findings.length);
const refused = all.filter(({ trial }) => trial.refused !== undefined).length;
const tenth = Math.max(1, Math.floor(residentMib.length / 10));
const mean = (list: readonly number[]): number =>
  round(list.reduce((total, one) => total + one, 0) / Math.max(1, list.length), 0);
report('soak', {
  ...{ minutes, lanes, seed, kills },
  killsOfServe: sum(({ trial }) => trial.realKills),
  accepted: sum(({ verdict }) => verdict.accepted),
  batches: sum(({ verdict }) => verdict.batches),
  redeliveries: sum(({ verdict }) => verdict.redeliveries),
  ...{ findings, refused },
  /** Of the servers that died first and last: it should not grow with what was accepted. */
  serverMibFirst: mean(residentMib.slice(0, tenth)),
  serverMibLast: mean(residentMib.slice(-tenth)),
  clientsMib: Math.round(process.memoryUsage.rss() / MIB),
});
process.exitCode = findings > 0 || refused > 0 ? 1 : 0;
