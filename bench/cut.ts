// What a batch of many environments costs: 4,096 groups of 1 to 8 rows wait in a memory broker, from one
// environment, 256 or 1,024, with shares and minimums; the processor time until a batch of half of their
// rows, and one of all, is handed out. Nothing else runs meanwhile: so long does the event loop stand still.
import { parseArgs } from 'node:util';
import {
  type BatchSize,
  createMemoryBroker,
  type EnvironmentShare,
  type SubmittedGroup,
} from '../src/broker/index.ts';
import { encodeGroup, toStoredGroup } from '../src/contract/index.ts';
import { report, round } from './support/report.ts';
import { runSettings } from './support/run-settings.ts';
import { sampleGroup } from './support/sample-group.ts';

const { values } = parseArgs({
  args: process.argv.slice(2).filter((word) => word.startsWith('--') || /^\d+$/.test(word)),
  options: {
    rounds: { type: 'string', default: '9' },
    dry: { type: 'boolean', default: false },
  },
});
const GROUPS = 4_096;
const SIZES = 8;
const rounds = Number(values.rounds);

const sample = sampleGroup({ id: 'g', runId: 'run', rollouts: SIZES, tokens: 8, promptTokens: 4 });
const encoding = encodeGroup(sample, { policy: runSettings(1) });
if (encoding.kind === 'dropped')
  throw new Error(`the sample group was dropped: ${encoding.reason}`);
const { header, headerBytes, parts } = encoding.encoded;
const template = toStoredGroup(header, headerBytes, parts);
/** Every size as often. */
const ALL_ROWS = (GROUPS * (SIZES + 1)) / 2;

const cases = [
  { name: 'half, by rows', size: { kind: 'rows', rows: ALL_ROWS / 2 }, least: 0.5 },
  { name: 'all, by rows', size: { kind: 'rows', rows: ALL_ROWS }, least: 0.5 },
  { name: 'all, by groups', size: { kind: 'groups', groups: GROUPS }, least: 0.5 },
  { name: 'all, by groups, no minimum', size: { kind: 'groups', groups: GROUPS }, least: 0 },
] as const;
const ENVIRONMENTS = [1, 256, 1_024];

const figures: object[] = [];
for (const { name, size, least } of cases) {
  const times = ENVIRONMENTS.map((): number[] => []);
  for (let done = 0; done <= rounds; done++) {
    for (const [place, environments] of ENVIRONMENTS.entries()) {
      const ms = await cut(environments, size, least);
      // The first warms up.
      if (done > 0) times[place]?.push(ms);
    }
  }
  const medians = times.map((each) => each.sort((a, b) => a - b)[rounds >> 1] ?? Number.NaN);
  const one = medians[0] ?? Number.NaN;
  figures.push({
    name,
    ms: Object.fromEntries(ENVIRONMENTS.map((count, i) => [count, round(medians[i] ?? 0)])),
    ratioToOne: Object.fromEntries(
      ENVIRONMENTS.map((count, i) => [count, round((medians[i] ?? 0) / one)]),
    ),
  });
}
const plan = { groups: GROUPS, rowsPerGroup: `1 to ${SIZES}`, rounds };
if (values.dry) console.log(JSON.stringify({ plan, cases: figures }, null, 2));
else report('cut', { plan, cases: figures });

/** Milliseconds of the processor until the batch is there; `least` is the part of it that goes by minimum shares. */
async function cut(environments: number, batchSize: BatchSize, least: number): Promise<number> {
  const broker = createMemoryBroker({ limits: { maxWaitingGroups: GROUPS } });
  const shares = Array.from({ length: environments }, (_, place): EnvironmentShare => {
    const terms = { weight: 1 + (place % 7), minShare: least / environments };
    return { environment: `environment-${place}`, ...terms, whenShort: 'release' };
  });
  await broker.openRun('run', { ...runSettings(1), batchSize, shares }, 0);
  for (let index = 0; index < GROUPS; index++) {
    const place = index % environments;
    const size = 1 + ((place + Math.floor(index / environments)) % SIZES);
    const group: SubmittedGroup = {
      ...template,
      id: `g${index}`,
      environment: `environment-${place}`,
      rows: template.rows.slice(0, size),
    };
    await broker.submit(group);
  }
  const consumer = { runId: 'run', consumerId: 'trainer' };
  await broker.registerConsumer({ ...consumer, worldSize: 1, mode: 'compete' });
  const { signal } = new AbortController();
  const start = process.cpuUsage();
  const next = await broker.nextBatch({ ...consumer, rank: 0, waitMs: 0, signal });
  const { user, system } = process.cpuUsage(start);
  await broker.close();
  if (next.kind === 'none') throw new Error('no batch, and groups wait');
  return (user + system) / 1_000;
}
