// From 4 producers over the server to 1 trainer, end to end: groups of 8 x 2,048 tokens, batches of 16
// groups. Ours is `lachesis serve --store` (fsync on) with `lachesis/client` on both sides; Atropos is its
// own server with its own SDK and the calls of its example trainer, or, for plain JSON, which its SDK
// can't send, bodies made beforehand. The contestants take turns in one run.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { atroposPython, ensureAtropos } from '../scripts/atropos.ts';
import { connect } from '../src/client/index.ts';
import { startTheirServer } from '../test/atropos/support/their-server.ts';
import { groupBodies, load } from './support/atropos-load.ts';
import { BenchProcess } from './support/bench-process.ts';
import { type BrokerOrder, type Pulled, type Pushed, plan } from './support/broker-plan.ts';
import { report, round } from './support/report.ts';
import { startServe, useOf } from './support/serve-process.ts';
import { median } from './support/statistics.ts';

const { values } = parseArgs({
  args: process.argv.slice(2).filter((word) => word.startsWith('--') || /^\d+$/.test(word)),
  options: {
    seconds: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '3' },
    dry: { type: 'boolean', default: false },
  },
});
const seconds = Number(values.seconds);
/** Groups that may wait, as in the load of plain JSON: producers that push on and on would starve the trainer. */
const AHEAD = 48;
const { skipped } = ensureAtropos();
if (skipped !== undefined) throw new Error(`Atropos can't be run here: ${skipped}`);

const rounds: { lachesis: Figures; atroposGzip: Figures; atroposPlain: Figures }[] = [];
for (let turn = 0; turn < Number(values.rounds); turn++) {
  rounds.push({
    lachesis: await ours(),
    atroposGzip: await theirSdk(),
    atroposPlain: await theirServerPlain(),
  });
}
const ratioTo = (name: 'atroposGzip' | 'atroposPlain'): number =>
  round(median(rounds.map((each) => each.lachesis.groupsPerSecond / each[name].groupsPerSecond)));
const figures = {
  plan: { ...plan, seconds },
  ratioToAtroposGzip: ratioTo('atroposGzip'),
  ratioToAtroposPlain: ratioTo('atroposPlain'),
  rounds,
};
if (values.dry) console.log(JSON.stringify(figures, null, 2));
else report('broker', figures);
process.exit(0);

type Figures = { readonly groupsPerSecond: number } & Readonly<Record<string, unknown>>;

async function ours(): Promise<Figures> {
  const folder = mkdtempSync(path.join(tmpdir(), 'lachesis-broker-'));
  try {
    await using server = await startServe(folder);
    await using client = await connect({ address: server.address });
    const batchSize = { kind: 'groups', groups: plan.groupsPerBatch } as const;
    await client.runs.open('bench', { batchSize, maxWaitingGroups: AHEAD });
    await using owned = new AsyncDisposableStack();
    const child = (): BenchProcess => owned.use(new BenchProcess('broker-client.ts'));
    const order = (producer: string, time: number): BrokerOrder => {
      const { address } = server;
      return { address, runId: 'bench', producer, seconds: time, shape: plan.shape };
    };
    const trainer = child();
    const producers = Array.from({ length: plan.producers }, child);
    const status: number[] = [];
    const both = async (
      name: string,
      time: number,
    ): Promise<readonly [Pulled, Pushed[], unknown]> =>
      await Promise.all([
        trainer.ask<Pulled>('pull', order('trainer', time)),
        Promise.all(
          producers.map((one, i) => one.ask<Pushed>('push', order(`${name}.${i}`, time))),
        ),
        watchStatus(client, time, status),
      ]);
    await both('warm', 2);
    status.length = 0;
    const before = useOf(server.pid);
    const [pulled, pushed] = await both('timed', seconds);
    const after = useOf(server.pid);
    const groups = pushed.reduce((sum, one) => sum + one.groups, 0);
    return {
      groupsPerSecond: round(pulled.groups / pulled.seconds),
      pushedPerSecond: round(groups / seconds),
      pushMs: quantiles(pushed.flatMap(({ times }) => times)),
      clientCpuMsPerPush: round(median(pushed.map(({ cpuMsPerGroup }) => cpuMsPerGroup))),
      clientLongestStallMs: round(Math.max(...pushed.map((one) => one.longestStallMs))),
      batchMs: quantiles(pulled.times),
      statusMs: quantiles(status),
      serverCpuMsPerGroup: round((after.cpuMs - before.cpuMs) / groups),
      serverResidentMegabytes: Math.round(after.residentBytes / 1e6),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function watchStatus(
  client: Awaited<ReturnType<typeof connect>>,
  time: number,
  times: number[],
): Promise<void> {
  const endMs = performance.now() + time * 1_000;
  while (performance.now() < endMs) {
    const start = performance.now();
    await client.runs.status('bench');
    times.push(performance.now() - start);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function theirSdk(): Promise<Figures> {
  await using server = await startTheirServer();
  const { address } = server;
  const trainer = python('atropos-trainer.py', address, String(seconds + 4), 'gzip');
  // Environments ask for the trainer's registration when they start.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const environments = Array.from({ length: plan.producers }, (_, i) =>
    python('atropos-environment.py', address, `env${i}`, String(seconds)),
  );
  const sent = (await Promise.all(environments)) as { groups: number; cpu: number }[];
  const pulled = (await trainer) as Pulled;
  const groups = sent.reduce((sum, one) => sum + one.groups, 0);
  return {
    groupsPerSecond: round(pulled.groups / seconds),
    pushedPerSecond: round(groups / seconds),
    clientCpuMsPerPush: round((sent.reduce((sum, one) => sum + one.cpu, 0) * 1_000) / groups),
    batchMs: quantiles(pulled.times),
  };
}

async function theirServerPlain(): Promise<Figures> {
  await using server = await startTheirServer();
  const { address } = server;
  await fetch(`${address}/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      ...{ wandb_group: '', wandb_project: '', batch_size: 128, max_token_len: 2048 },
      ...{ checkpoint_dir: '', save_checkpoint_interval: 0, starting_step: 0, num_steps: 1e6 },
    }),
  });
  const measured = await load(address, 'plain', { bodies: groupBodies(8, 'plain'), seconds });
  return {
    groupsPerSecond: round(measured.groupsPerSecond),
    pushMs: quantiles(measured.pushMs),
    batchMs: quantiles(measured.batchMs),
    statusMs: quantiles(measured.statusMs),
  };
}

/** A program of bench/support with Atropos' package: the JSON of its last line. */
async function python(file: string, ...args: readonly string[]): Promise<unknown> {
  const child = spawn(atroposPython, [path.join(import.meta.dirname, 'support', file), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      PYTHONPATH: path.resolve(import.meta.dirname, '../test/atropos/stand-ins'),
    },
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err = `${err}${chunk}`.slice(-4_000);
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`${file} ended with ${code}: ${err}`);
  return JSON.parse(out.trimEnd().split('\n').at(-1) ?? '');
}

function quantiles(times: readonly number[]): object {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}
