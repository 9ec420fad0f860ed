import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { lcg } from '../../bench/support/sample-group.ts';
import { createMemoryBroker } from '../../src/broker/index.ts';
import { connect, lachesisErrorOf } from '../../src/client/index.ts';
import { LachesisError } from '../../src/errors.ts';
import { startServer } from '../../src/server/index.ts';
import { connectWhenUp, RUN } from './support/crash-client.ts';
import { overriding } from './support/moment-hooks.ts';
import { groupOf } from './support/producer.ts';
import { freePort, ServerProcess } from './support/server-process.ts';

const batchSize = { kind: 'groups', groups: 1 } as const;

/** A disk of 100 MiB for one process and its children: what is mounted there nobody else sees. */
const onSmallDisk = (folder: string): readonly string[] => [
  ...['unshare', '--mount', 'sh', '-c'],
  ...['mount -t tmpfs -o size=100m none "$0" && exec "$@"', folder],
];

const mayMount = ((): boolean => {
  try {
    execFileSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'none', '/mnt']);
    return true;
  } catch {
    return false;
  }
})();

/** Runs a line of shell where the process sees its disk. */
function seenBy({ pid }: ServerProcess, folder: string, line: string): void {
  execFileSync('nsenter', ['--target', String(pid), '--mount', 'sh', '-c', line], { cwd: folder });
}

test.skipIf(!mayMount)(
  'on a full disk submits wait, reading and acks go on, and all goes on once there is room',
  async () => {
    const root = mkdtempSync(path.join(tmpdir(), 'lachesis-full-'));
    try {
      const disk = path.join(root, 'disk');
      mkdirSync(disk);
      const port = await freePort();
      const at = { folder: path.join(disk, 'store'), port, cwd: root };
      await using server = await ServerProcess.serve(at, onSmallDisk(disk));
      await using client = await connectWhenUp(port);
      await client.runs.open(RUN, { batchSize });
      await using stream = client.work.submitGroups(RUN);
      await using consumer = await client.batches.register({ runId: RUN });
      const random = lcg(2);
      for (const id of ['g1', 'g2', 'g3']) await stream.submit(groupOf(id, random));

      // Less is left than is kept for records.
      seenBy(server, disk, `fallocate -l 50M ${disk}/ballast`);
      let isStored = false;
      const submitted = stream.submit(groupOf('g4', random)).then(() => {
        isStored = true;
      });
      for (const step of [1, 2]) {
        const batch = await consumer.next({ waitMs: 5_000 });
        expect(batch?.groups[0]?.groupId).toBe(`g${step}`);
        expect(await batch?.ack()).toEqual({ complete: true, step });
      }
      await consumer.commit(1);
      expect(isStored).toBe(false);

      // Nothing at all is left.
      seenBy(server, disk, `cat /dev/zero > ${disk}/more 2>/dev/null || true`);
      const third = consumer.next({ waitMs: 30_000 }).then((batch) => batch?.ack());
      await wait(300);
      expect([server.hasEnded, isStored]).toEqual([false, false]);
      seenBy(server, disk, `rm ${disk}/more ${disk}/ballast`);
      expect(await third).toEqual({ complete: true, step: 3 });
      await submitted;
      expect((await consumer.next({ waitMs: 5_000 }))?.groups[0]?.groupId).toBe('g4');
      expect(await server.signal('SIGTERM')).toBe('0');
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  },
  60_000,
);

test('a submit that a full disk keeps waiting for too long is RESOURCE_EXHAUSTED with the pause', async () => {
  const broker = createMemoryBroker();
  const full = new LachesisError('resource_exhausted', 'There is no room left.', {
    ...{ reason: 'STORE_FULL', remedy: 'Free some of the disk.', retryAfterMs: 61_000 },
  });
  const refusing = overriding(broker, { submit: () => Promise.reject(full) });
  await using server = await startServer({
    ...{ environments: [], worker: false, auth: { kind: 'none' }, broker: refusing },
  });
  await using client = await connect({ address: server.address, token: '' });
  await client.runs.open(RUN, { batchSize });
  await using stream = client.work.submitGroups(RUN);
  const refused = await stream.submit(groupOf('g1', lcg(1))).catch(lachesisErrorOf);
  expect(refused).toMatchObject({
    ...{ kind: 'resource_exhausted', reason: 'STORE_FULL', retryAfterMs: 61_000 },
  });
  await broker.close();
});
