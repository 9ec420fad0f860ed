import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  createSandboxPool,
  openRolloutSandbox,
  type SandboxBackend,
  type SandboxSpec,
} from '../../src/sandbox/index.ts';
import { round } from './report.ts';

const WORKERS = 16;
/** So long after it was seen to work, an idle sandbox is asked again before it is leased. */
const HEALTHY_FOR_MS = 5_000;
const KINDS = 8;
const ACQUIRE_MS = 600_000;
/** For the pool to have enough again. */
const IDLE_MS = 60_000;

export async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

export function quantiles(times: readonly number[]) {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number) => round(sorted[Math.floor((sorted.length - 1) * share)] ?? 0);
  return { p50: at(0.5), p99: at(0.99) };
}

/** As many at a time as there are workers, until all is done. */
async function inParallel(count: number, total: number, work: (at: number) => Promise<void>) {
  let next = 0;
  const one = async (): Promise<void> => {
    while (next < total) await work(next++);
  };
  await Promise.all(Array.from({ length: count }, one));
}

async function bareSpawn(): Promise<void> {
  await once(spawn('/bin/true', { stdio: ['pipe', 'pipe', 'pipe'] }), 'close');
}

/** What a tenant waits for: a sandbox that is there, one that is asked first, and one that has to be made. */
export async function leasing(backend: SandboxBackend, rounds: number): Promise<object> {
  const [warm, cold, asked]: [number[], number[], number[]] = [[], [], []];
  await using pool = createSandboxPool({ backend, maxTotal: WORKERS + 2 });
  const idle = async (count: number): Promise<void> => {
    pool.keepWarm({}, count);
    const sinceMs = performance.now();
    while (pool.stats().idle < count) {
      if (performance.now() - sinceMs > IDLE_MS) throw new Error('no sandboxes could be made');
      await sleep(5);
    }
  };
  for (let at = 0; at < rounds; at++) {
    await idle(2);
    const start = performance.now();
    const lease = await pool.acquire({}, { owner: 'bench' });
    warm.push(performance.now() - start);
    await lease.exec({ argv: ['true'] });
    await lease.release();
    await idle(2);
    const coldStart = performance.now();
    const sandbox = await backend.create({}, { signal: new AbortController().signal });
    cold.push(performance.now() - coldStart);
    await sandbox.terminate();
  }
  const count = Math.min(rounds, WORKERS);
  await idle(count);
  await sleep(HEALTHY_FOR_MS + 100);
  for (let at = 0; at < count; at++) {
    asked.push(await timed(() => pool.acquire({}, { owner: 'bench' })));
  }
  return {
    warmAcquireMs: quantiles(warm),
    warmAcquireWithHealthCheckMs: quantiles(asked),
    coldCreateMs: quantiles(cold),
  };
}

/** Tenants of eight keys on eight sandboxes. Undefined: uses as the backend has them by default. */
export async function storm(
  backend: SandboxBackend,
  leases: number,
  maxUses?: number,
): Promise<object> {
  let created = 0;
  await using pool = createSandboxPool({
    ...{ backend, maxTotal: KINDS, createTimeoutMs: 60_000 },
    ...(maxUses === undefined ? {} : { maxUses }),
    observer: { created: () => void created++ },
  });
  const ms = await timed(() =>
    inParallel(WORKERS, leases, async (at) => {
      const spec: SandboxSpec = { env: { KIND: String((at * 7) % KINDS) } };
      await using lease = await pool.acquire(spec, { owner: `${at}`, timeoutMs: ACQUIRE_MS });
      await lease.exec({ argv: ['true'] });
    }),
  );
  return {
    createdPer1000Leases: round((created * 1_000) / leases, 1),
    leasesPerSecond: round((leases * 1_000) / ms, 1),
  };
}

/** One command in a sandbox beside one without, by turns; then as many as 16 workers can. */
export async function execs(
  backend: SandboxBackend,
  plan: { readonly rounds: number; readonly execs: number },
): Promise<object> {
  const sandbox = await backend.create({}, { signal: new AbortController().signal });
  const [own, bare]: [number[], number[]] = [[], []];
  const exec = async (): Promise<void> => void (await sandbox.exec({ argv: ['true'] }));
  await exec();
  for (let at = 0; at < plan.rounds; at++) {
    bare.push(await timed(bareSpawn));
    own.push(await timed(exec));
  }
  const perSecond = async (work: () => Promise<void>): Promise<number> =>
    round((plan.execs * 1_000) / (await timed(() => inParallel(WORKERS, plan.execs, work))), 1);
  const atOnce = { execPerSecondAt16: await perSecond(exec) };
  const bareAtOnce = { bareSpawnPerSecondAt16: await perSecond(bareSpawn) };
  await sandbox.terminate();
  const [execMs, bareSpawnMs] = [quantiles(own), quantiles(bare)];
  const overheadMs = round(execMs.p50 - bareSpawnMs.p50);
  return { execMs, bareSpawnMs, overheadMs, ...atOnce, ...bareAtOnce };
}

/** Rollouts of three commands each, against the time that their commands alone took. */
export async function terminalRun(
  backend: SandboxBackend,
  { rollouts, concurrency }: { readonly rollouts: number; readonly concurrency: number },
): Promise<object> {
  let commandMs = 0;
  const waits: number[] = [];
  await using pool = createSandboxPool({
    ...{ backend, maxTotal: concurrency, createTimeoutMs: 60_000 },
  });
  const wallMs = await timed(() =>
    inParallel(concurrency, rollouts, async (at) => {
      const began = performance.now();
      await using lease = await pool.acquire({}, { owner: `${at}`, timeoutMs: ACQUIRE_MS });
      waits.push(performance.now() - began);
      await using own = openRolloutSandbox(lease);
      for (const script of ['mkdir a; cd a', 'seq 100 > n; sleep 0.2', 'wc -l n; sleep 0.2']) {
        const ms = await timed(() => own.shell.run(script));
        commandMs += ms;
      }
    }),
  );
  const idealMs = commandMs / concurrency;
  return {
    ...{ rollouts, concurrency, wallMs: round(wallMs), idealMs: round(idealMs) },
    overIdeal: round(wallMs / idealMs),
    acquireMs: quantiles(waits),
  };
}
