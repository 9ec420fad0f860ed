// What depth costs: batches of 16 groups of 8 x 16 tokens handed out, read and acked while 100 to 1,000,000
// groups wait in a durable broker (fsync on), and what a status asked for meanwhile takes. Each depth
// has a store of its own; what hands out is the broker and its store, without a wire between.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import {
  type Broker,
  openDurableBroker,
  openFilesStore,
  type SubmittedGroup,
} from '../src/broker/index.ts';
import { encodeGroup, toStoredGroup } from '../src/contract/index.ts';
import { report, round } from './support/report.ts';
import { runSettings } from './support/run-settings.ts';
import { sampleGroup } from './support/sample-group.ts';

const { values } = parseArgs({
  args: process.argv.slice(2).filter((word) => word.startsWith('--') || /^[\d,]+$/.test(word)),
  options: {
    depths: { type: 'string', default: '100,10000,100000,1000000' },
    batches: { type: 'string', default: '60' },
    dry: { type: 'boolean', default: false },
  },
});
const GROUPS_PER_BATCH = 16;
const ROWS = 8;
const TOKENS = 16;
const IN_FLIGHT = 256;
const batches = Number(values.batches);
const never = new AbortController().signal;

const sample = sampleGroup({
  id: 'g',
  runId: 'run',
  rollouts: ROWS,
  tokens: TOKENS,
  promptTokens: 4,
});
const encoding = encodeGroup(sample, { policy: runSettings(GROUPS_PER_BATCH * ROWS) });
if (encoding.kind === 'dropped')
  throw new Error(`the sample group was dropped: ${encoding.reason}`);
const { header, headerBytes, parts } = encoding.encoded;
const template = toStoredGroup(header, headerBytes, parts);

const rounds: object[] = [];
for (const minShare of [0, 0.5]) {
  for (const depth of values.depths.split(',').map(Number)) {
    rounds.push({ minShare, ...(await atDepth(depth, minShare)) });
  }
}
const figures = {
  plan: { groupsPerBatch: GROUPS_PER_BATCH, group: `${ROWS} x ${TOKENS} tokens`, batches },
  rounds,
};
if (values.dry) console.log(JSON.stringify(figures, null, 2));
else report('broker-depth', figures);

async function atDepth(depth: number, minShare: number): Promise<object> {
  const folder = mkdtempSync(path.join(tmpdir(), 'lachesis-depth-'));
  try {
    const store = await openFilesStore(folder);
    const broker = openDurableBroker({
      store,
      limits: { maxWaitingBytes: Number.MAX_SAFE_INTEGER, replayBytes: 0 },
    });
    const before = heap();
    const share = { environment: 'bench', weight: 1, minShare, whenShort: 'release' } as const;
    const shares = minShare > 0 ? [share] : [];
    await broker.openRun('run', { ...runSettings(GROUPS_PER_BATCH * ROWS), shares }, 0);
    const start = performance.now();
    await fill(broker, depth + batches * GROUPS_PER_BATCH);
    const fillSeconds = (performance.now() - start) / 1_000;
    const held = heap() - before;
    const measured = await pull(broker);
    const { appendedBytes, writtenBytes } = store.stats();
    await broker.close();
    return {
      depth,
      ...measured,
      fillGroupsPerSecond: Math.round((depth + batches * GROUPS_PER_BATCH) / fillSeconds),
      heapBytesPerGroup: Math.round(held / (depth + batches * GROUPS_PER_BATCH)),
      bytesWrittenPerPayloadByte: round(writtenBytes / appendedBytes),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function fill(broker: Broker, groups: number): Promise<void> {
  let next = 0;
  const producer = async (): Promise<void> => {
    while (next < groups) {
      next += 1;
      await broker.submit({ ...template, id: `g${next}` } satisfies SubmittedGroup);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, producer));
}

/** Each batch is asked for, read whole and acked, and a status is asked for while it is. */
async function pull(broker: Broker): Promise<object> {
  const consumer = { runId: 'run', consumerId: 'trainer' };
  await broker.registerConsumer({ ...consumer, worldSize: 1, mode: 'compete' });
  const handOut: number[] = [];
  const whole: number[] = [];
  const status: number[] = [];
  for (let done = 0; done < batches; done++) {
    const start = performance.now();
    const next = await broker.nextBatch({ ...consumer, rank: 0, waitMs: 0, signal: never });
    if (next.kind === 'none') throw new Error('no batch, and groups wait');
    handOut.push(performance.now() - start);
    const reading = Promise.all(
      next.batch.groups.map(({ payload }) => payload.parts({ signal: never })),
    );
    const asked = performance.now();
    await broker.status('run');
    status.push(performance.now() - asked);
    await reading;
    await broker.ackBatch({ ...consumer, batchId: next.batch.id, rank: 0 });
    whole.push(performance.now() - start);
  }
  return {
    handOutMs: quantiles(handOut),
    untilAckedMs: quantiles(whole),
    statusMs: quantiles(status),
  };
}

function quantiles(times: readonly number[]): object {
  const sorted = times.slice(5).toSorted((a, b) => a - b);
  const at = (share: number): number => round(sorted[Math.floor(sorted.length * share)] ?? 0);
  return { p50: at(0.5), p99: at(0.99) };
}

function heap(): number {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
