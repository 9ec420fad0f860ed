import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { lcg } from '../../bench/support/sample-group.ts';
import { expectSound } from '../broker/stores/support/files-trial.ts';
import { connectWhenUp, RUN } from './support/crash-client.ts';
import { groupOf } from './support/producer.ts';
import { freePort, ServerProcess } from './support/server-process.ts';

/** Runs a program that may write no file longer than this: writing on fails then, as on a broken disk. */
const ON_A_BROKEN_DISK = ['bash', '-c', 'trap "" XFSZ; ulimit -f 1500; exec "$@"', 'bash'];

test('a server whose disk fails in the middle says so and ends with 1; a fresh start has all that it accepted', async () => {
  const cwd = mkdtempSync(path.join(tmpdir(), 'lachesis-disk-'));
  try {
    const folder = path.join(cwd, 'store');
    const port = await freePort();
    const at = { folder, port, cwd };
    const accepted: string[] = [];
    const random = lcg(1);
    await using broken = await ServerProcess.serve(at, ON_A_BROKEN_DISK);
    {
      await using client = await connectWhenUp(port);
      const batchSize = { kind: 'groups', groups: 1 } as const;
      await client.runs.open(RUN, { batchSize });
      await using stream = client.work.submitGroups(RUN);
      const submitting = (async () => {
        for (let made = 1; ; made += 1) {
          await stream.submit(groupOf(`g${made}`, random, 1));
          accepted.push(`g${made}`);
        }
      })();
      await expect(submitting).rejects.toThrow();
    }
    expect(await broken.ended).toBe('1');
    expect(broken.said).toMatch(
      /The store failed: .*(EFBIG|disk I\/O error).*start the server again/,
    );
    expect(accepted.length).toBeGreaterThan(20);

    await using mended = await ServerProcess.serve(at);
    await using client = await connectWhenUp(port);
    const found = await Array.fromAsync(client.runs.scan(RUN, { headerOnly: true }));
    const ids = found.map(([, { header }]) => header.groupId);
    expect(ids.slice(0, accepted.length)).toEqual(accepted);
    await using consumer = await client.batches.register({ runId: RUN });
    expect((await consumer.next({ waitMs: 5_000 }))?.groups.map(({ groupId }) => groupId)).toEqual([
      'g1',
    ]);
    expect(await mended.signal('SIGTERM')).toBe('0');
    await expectSound(folder);
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}, 120_000);
