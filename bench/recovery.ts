// What a server that was killed with a full store costs: seconds from starting it again over the smaller of
// 10 GB and half of the free disk to its listening, to the next batch of a trainer and to the next stored
// group of an environment that both go on by themselves.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { connect } from '../src/client/index.ts';
import { encodeGroup } from '../src/contract/index.ts';
import { report, round } from './support/report.ts';
import { sampleGroup } from './support/sample-group.ts';
import { startServe, useOf } from './support/serve-process.ts';

const { values } = parseArgs({
  args: process.argv.slice(2).filter((word) => word.startsWith('--') || /^[\d.]+$/.test(word)),
  options: {
    gigabytes: { type: 'string', default: '10' },
    dry: { type: 'boolean', default: false },
  },
});
const folder = mkdtempSync(path.join(tmpdir(), 'lachesis-recovery-'));
try {
  const { bavail, bsize } = statfsSync(folder);
  const bytes = Math.min(Number(values.gigabytes) * 1e9, (bavail * bsize) / 2);
  const filled = performance.now();
  const groups = await fillAndKill(bytes);
  const fillSeconds = (performance.now() - filled) / 1_000;
  // The first server only makes clients that have something to go on with.
  const first = await startServe(folder);
  await using client = await connect({ address: first.address });
  await using consumer = await client.batches.register({ runId: 'bench' });
  await using work = client.work.submitGroups('bench', { maxInFlight: 1 });
  const trainer = async (): Promise<void> => {
    const batch = await consumer.next({ waitMs: 60_000 });
    if (batch?.groups.length !== 16) throw new Error('no whole batch came');
    await batch.ack();
  };
  const { settings } = await client.runs.get('bench');
  const environment = async (id: string): Promise<void> => {
    const shape = { rollouts: 8, tokens: 2_048, promptTokens: 512 };
    const encoding = encodeGroup(sampleGroup({ id, runId: 'bench', ...shape }), {
      policy: settings,
    });
    if (encoding.kind === 'dropped') throw new Error(encoding.reason);
    await work.submit(encoding.encoded);
  };
  await Promise.all([trainer(), environment('before')]);
  await first.kill();
  // Both ask while nobody listens, and are not told when somebody does.
  const since = (step: Promise<void>): Promise<number> => step.then(() => performance.now());
  const resumed = Promise.all([since(trainer()), since(environment('after'))]);
  const start = performance.now();
  const port = first.address.slice(first.address.lastIndexOf(':') + 1);
  await using server = await startServe(folder, '--port', port);
  const listening = performance.now() - start;
  const [firstBatch, firstGroup] = (await resumed).map((at) => at - start) as [number, number];
  const { waitingGroups } = await client.runs.status('bench');
  const figures = {
    gigabytes: round(bytes / 1e9),
    groups: { storedBeforeTheKill: groups, waitingAfter: Number(waitingGroups) },
    fillMegabytesPerSecond: Math.round(bytes / 1e6 / fillSeconds),
    secondsUntilListening: round(listening / 1_000),
    secondsUntilFirstBatch: round(firstBatch / 1_000),
    secondsUntilFirstGroupStored: round(firstGroup / 1_000),
    residentMegabytes: Math.round(useOf(server.pid).residentBytes / 1e6),
  };
  if (values.dry) console.log(JSON.stringify(figures, null, 2));
  else report('recovery', figures);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Returns how many groups had been handed to the broker when it said that it was full. */
async function fillAndKill(bytes: number): Promise<number> {
  const file = path.join(import.meta.dirname, 'support', 'recovery-filler.ts');
  const args = [...process.execArgv, file, folder, String(bytes)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const groups = await new Promise<number>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => resolve(Number(/full (\d+)/.exec(`${chunk}`)?.[1])));
    void ended.then(() => reject(new Error('the filler ended by itself')));
  });
  child.kill('SIGKILL');
  await ended;
  return groups;
}
