import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { processStat } from '../../src/files/index.ts';
import { descendants } from '../../src/sandbox/backends/local/process-table.ts';
import { type SandboxBackend, sweepSandboxes } from '../../src/sandbox/index.ts';
import { startFakeModal } from '../../test/support/modal/fake-modal.ts';
import { round } from './report.ts';

const PATIENCE_MS = 10_000;
/** Of a sandbox of the owner on the fake, and a moment. */
const LIFETIME_MS = 121_000;

/** Kills a server that holds so many sandboxes, each with a command in it, and looks for what is left of them. */
export async function afterKill(backend: SandboxBackend, boxes: number): Promise<object> {
  const before = { mounts: mounts(), folders: new Set(folders()) };
  const child = fork(path.join(import.meta.dirname, 'sandbox-owner.ts'), [
    backend.name,
    String(boxes),
  ]);
  await once(child, 'message');
  const live = new Map(descendants([child.pid ?? 0]).map((pid) => [pid, startOf(pid)]));
  const left = () => ({
    processes: [...live].filter(([pid, start]) => start !== 0 && startOf(pid) === start).length,
    mounts: mounts() - before.mounts,
    folders: folders().filter((name) => !before.folders.has(name)).length,
  });
  await kill(child);
  const killedMs = performance.now();
  const endsAlone = !backend.capabilities.outlivesOwner;
  while (endsAlone && left().processes > 0 && performance.now() - killedMs < PATIENCE_MS) {
    await sleep(20);
  }
  const figures = { boxes, processesBefore: live.size, left: left() };
  if (endsAlone) return { ...figures, untilNoneMs: round(performance.now() - killedMs) };
  // What outlives its owner is ended by the janitor of the next server.
  const sweptMs = performance.now();
  await sweepSandboxes({ backend, signal: new AbortController().signal });
  const sweepMs = round(performance.now() - sweptMs);
  return { ...figures, leftAfterSweep: left(), sweepMs };
}

/** The same with sandboxes on the fake of Modal: how many live on past their lifetime. */
export async function remoteAfterKill(boxes: number): Promise<object> {
  await using fake = await startFakeModal();
  const file = path.join(import.meta.dirname, '../../test/support/modal/owner-process.ts');
  const child = fork(file, ['bench', String(boxes)], {
    env: { ...process.env, ...fake.env },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  if (child.stdout !== null) await once(child.stdout, 'data');
  await kill(child);
  const live = fake.running.length;
  await fake.world.advance(LIFETIME_MS);
  return { boxes, live, pastLifetime: fake.running.length };
}

async function kill(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

function startOf(pid: number): number {
  const stat = processStat(pid);
  return stat === undefined || stat.isZombie ? 0 : stat.startTicks;
}

function mounts(): number {
  return readFileSync('/proc/self/mountinfo', 'utf8').split('\n').length - 1;
}

function folders(): readonly string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith('lachesis-'));
}
