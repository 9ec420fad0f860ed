// Sandboxes and their pool, on bubblewrap and on plain processes (`-- --dry` for a glance, which keeps no result).
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { freemem, tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type BackendName,
  createSandboxPool,
  openBackend,
  openRolloutSandbox,
  type SandboxBackend,
} from '../src/sandbox/index.ts';
import { report, round } from './support/report.ts';

const isDry = process.argv.includes('--dry');
const plan = isDry
  ? { rounds: 5, storm: 20, boxes: 4, rollouts: 8, concurrency: 4, execs: 32 }
  : { rounds: 100, storm: 1_000, boxes: 200, rollouts: 200, concurrency: 64, execs: 800 };
const { signal } = new AbortController();

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function quantiles(times: readonly number[]): { readonly p50: number; readonly p99: number } {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number) => round(sorted[Math.floor((sorted.length - 1) * share)] ?? 0);
  return { p50: at(0.5), p99: at(0.99) };
}

async function workers(count: number, total: number, work: (at: number) => Promise<void>) {
  let next = 0;
  const one = async (): Promise<void> => {
    while (next < total) await work(next++);
  };
  await Promise.all(Array.from({ length: count }, one));
}

const bareSpawn = async (): Promise<void> => {
  await once(spawn('/bin/true', { stdio: ['pipe', 'pipe', 'pipe'] }), 'close');
};

async function leasing(backend: SandboxBackend): Promise<object> {
  const [warm, cold]: [number[], number[]] = [[], []];
  await using pool = createSandboxPool({ backend, maxTotal: 4 });
  pool.keepWarm({}, 2);
  for (let at = 0; at < plan.rounds; at++) {
    while (pool.stats().idle < 2) await sleep(5);
    const start = performance.now();
    const lease = await pool.acquire({}, { owner: 'bench' });
    warm.push(performance.now() - start);
    await lease.exec({ argv: ['true'] });
    await lease.release();
    while (pool.stats().idle < 2) await sleep(5);
    const coldStart = performance.now();
    const sandbox = await backend.create({}, { signal });
    cold.push(performance.now() - coldStart);
    await sandbox.terminate();
  }
  return { warmAcquireMs: quantiles(warm), coldCreateMs: quantiles(cold) };
}

/** Eight keys; on boxes also with reuse, which plain processes can't have. */
async function storm(backend: SandboxBackend, maxUses: number): Promise<number> {
  let created = 0;
  const observer = { created: () => void created++ };
  await using pool = createSandboxPool({ backend, maxTotal: 8, maxUses, observer });
  await workers(16, plan.storm, async (at) => {
    const spec = { env: { KIND: String((at * 7) % 8) } };
    await using lease = await pool.acquire(spec, { owner: `${at}`, timeoutMs: 600_000 });
    await lease.exec({ argv: ['true'] });
  });
  return round((created * 1_000) / plan.storm, 1);
}

async function execs(backend: SandboxBackend): Promise<object> {
  const sandbox = await backend.create({}, { signal });
  const [own, bare]: [number[], number[]] = [[], []];
  for (let at = 0; at < plan.rounds; at++) {
    bare.push(await timed(bareSpawn));
    own.push(await timed(() => sandbox.exec({ argv: ['true'] })));
  }
  const ms = await timed(() =>
    workers(16, plan.execs, async () => void (await sandbox.exec({ argv: ['true'] }))),
  );
  await sandbox.terminate();
  return {
    ...{ execMs: quantiles(own), bareSpawnMs: quantiles(bare) },
    execPerSecondAt16: round((plan.execs * 1_000) / ms, 1),
  };
}

async function perGibibyte(backend: SandboxBackend): Promise<number | string> {
  const before = freemem();
  const all = [];
  for (let at = 0; at < plan.boxes; at++) all.push(await backend.create({}, { signal }));
  const each = (before - freemem()) / all.length;
  await Promise.all(all.map((sandbox) => sandbox.terminate()));
  return each > 0 ? Math.floor(2 ** 30 / each) : 'too few to be seen beside other load';
}

async function terminalRun(backend: SandboxBackend): Promise<object> {
  let commandMs = 0;
  await using pool = createSandboxPool({ backend, maxTotal: plan.concurrency });
  const wallMs = await timed(() =>
    workers(plan.concurrency, plan.rollouts, async (at) => {
      await using lease = await pool.acquire({}, { owner: `${at}`, timeoutMs: 600_000 });
      await using own = openRolloutSandbox(lease);
      for (const script of ['mkdir a; cd a', 'seq 100 > n; sleep 0.2', 'wc -l n; sleep 0.2']) {
        commandMs += await timed(() => own.shell.run(script));
      }
    }),
  );
  const idealMs = commandMs / plan.concurrency;
  return { wallMs: round(wallMs), idealMs: round(idealMs), overIdeal: round(wallMs / idealMs) };
}

function onHost(): Record<'processes' | 'mounts' | 'folders', number> {
  return {
    processes: readdirSync('/proc').filter((name) => /^\d+$/.test(name)).length,
    mounts: readFileSync('/proc/self/mountinfo', 'utf8').split('\n').length - 1,
    folders: readdirSync(tmpdir()).filter((name) => name.startsWith('lachesis-')).length,
  };
}

/** What is there more of than before, of other load too: processes end by themselves only where boxes hold them. */
async function afterKill(name: BackendName): Promise<object> {
  const before = onHost();
  const file = path.join(import.meta.dirname, 'support/sandbox-owner.ts');
  const child = fork(file, [name, String(plan.boxes)]);
  await once(child, 'message');
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
  await sleep(2_000);
  const after = onHost();
  const names = ['processes', 'mounts', 'folders'] as const;
  return Object.fromEntries(names.map((each) => [each, after[each] - before[each]]));
}

const results: object[] = [];
for (const name of ['bubblewrap', 'process'] as const) {
  await using backend = await openBackend(name, {
    ...{ allowRoot: true, environment: {}, onWarning: () => {} },
  });
  const isBox = name === 'bubblewrap';
  results.push({
    backend: name,
    ...(await leasing(backend)),
    createdPer1000Leases: await storm(backend, 1),
    ...(isBox ? { createdPer1000LeasesReused: await storm(backend, 20) } : {}),
    ...(await execs(backend)),
    sandboxesPerGiB: await perGibibyte(backend),
    terminalRun: await terminalRun(backend),
    // Its processes go on without boxes, until a janitor's sweep; so only where they must not.
    ...(isBox ? { leftAfterKill: await afterKill(name) } : {}),
  });
}
if (isDry) console.log(JSON.stringify(results, null, 2));
else report('sandbox-pool', { plan, results });
