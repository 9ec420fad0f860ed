// Sandboxes and their pool: on bubblewrap, on plain processes, and on stand-ins for Modal, E2B and Docker on
// loopback, with their real clients (`-- --dry` for a glance, which keeps no result).
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { freemem } from 'node:os';
import path from 'node:path';
import { inheritedDescriptors } from '../src/sandbox/backends/local/inherited-descriptors.ts';
import { openBackend, type SandboxBackend } from '../src/sandbox/index.ts';
import { IMAGE, noPodman, PodmanService } from '../test/support/docker/podman.ts';
import { FakeE2b } from '../test/support/e2b/fake-e2b.ts';
import { startFakeModal } from '../test/support/modal/fake-modal.ts';
import { afterKill, remoteAfterKill } from './support/after-kill.ts';
import { report } from './support/report.ts';
import { execs, leasing, storm, terminalRun } from './support/sandbox-measures.ts';

const isDry = process.argv.includes('--dry');
const plan = isDry
  ? {
      ...{ rounds: 5, storm: 20, boxes: 4, rollouts: 8, concurrency: 4, execs: 32 },
      remote: { rounds: 2, execs: 16, storm: 10 },
      containers: { rounds: 1, execs: 4, storm: 0 },
    }
  : {
      ...{ rounds: 100, storm: 1_000, boxes: 200, rollouts: 200, concurrency: 64, execs: 800 },
      remote: { rounds: 30, execs: 200, storm: 120 },
      // Of busybox, in which nothing can be brought back: each lease makes one.
      containers: { rounds: 8, execs: 48, storm: 0 },
    };

async function perGibibyte(backend: SandboxBackend): Promise<number | string> {
  const { signal } = new AbortController();
  const before = freemem();
  const all = [];
  for (let at = 0; at < plan.boxes; at++) all.push(await backend.create({}, { signal }));
  const each = (before - freemem()) / all.length;
  await Promise.all(all.map((sandbox) => sandbox.terminate()));
  return each > 0 ? Math.floor(2 ** 30 / each) : 'too little to be seen beside other load';
}

async function local(name: 'bubblewrap' | 'process'): Promise<object> {
  await using backend = await openBackend(name, {
    ...{ allowRoot: true, environment: {}, onWarning: () => {} },
  });
  return {
    backend: name,
    ...(await leasing(backend, plan.rounds)),
    stormUsedOnce: await storm(backend, plan.storm, 1),
    // Plain processes can't be brought back.
    ...(name === 'process' ? {} : { stormWithReuse: await storm(backend, plan.storm, 20) }),
    ...(await execs(backend, plan)),
    sandboxesPerGiB: await perGibibyte(backend),
    terminalRun: await terminalRun(backend, plan),
    afterKill: await afterKill(backend, plan.boxes),
  };
}

/** The other side runs here, and a process of its own measures: neither has the other's load on its loop. */
async function remote(
  name: 'modal' | 'e2b' | 'docker',
  options: object,
  { env = {}, sizes = plan.remote }: { env?: object; sizes?: typeof plan.remote } = {},
): Promise<object> {
  const file = path.join(import.meta.dirname, 'support/remote-sandboxes.ts');
  const words = [name, JSON.stringify(options), JSON.stringify(sizes)];
  const child = fork(file, words, { env: { ...process.env, ...env } });
  const figures = await Promise.race([
    once(child, 'message').then(([message]) => message as object),
    once(child, 'exit').then(([code]) => ({ failed: `its process ended with ${code}` })),
  ]);
  return { backend: name, ...figures };
}

async function modal(): Promise<object> {
  await using fake = await startFakeModal();
  return await remote('modal', {}, { env: fake.env });
}

async function e2b(): Promise<object> {
  await using fake = await FakeE2b.start();
  return await remote('e2b', fake.options);
}

async function docker(): Promise<object> {
  if (noPodman !== undefined) return { backend: 'docker', left: noPodman };
  await using podman = await PodmanService.start();
  const options = {
    ...{ connection: { socketPath: podman.socketPath }, image: IMAGE },
    // Not above what a machine that is itself a container may have.
    ulimits: { nofile: 1_024, nproc: 32_768 },
  };
  return await remote('docker', options, { sizes: plan.containers });
}

const results: object[] = [];
for (const name of ['bubblewrap', 'process'] as const) results.push(await local(name));
for (const measure of [modal, e2b, docker]) results.push(await measure());
const figures = {
  plan,
  // Where our parent left us any, a shell before each command closes them, which takes milliseconds.
  inheritedDescriptors: inheritedDescriptors().length,
  results,
  remoteAfterKill: await remoteAfterKill(plan.boxes),
};
if (isDry) console.log(JSON.stringify(figures, null, 2));
else report('sandbox-pool', figures);
