import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { isSandboxGone } from '../../../../src/sandbox/index.ts';
import { tarOf } from '../tar.ts';
import { type ContractBench, chunked, collect } from './bench.ts';

export function testLife(bench: ContractBench): void {
  const { createBackend, sh, out, testUnless, gaps, spec, never } = bench;
  describe('the sandbox itself', () => {
    test('it says who it is', () => {
      expect(bench.box.backend).toBe(bench.backend.name);
      expect(bench.box.isolation).toBe(bench.backend.capabilities.isolation);
      expect(bench.box.id).not.toBe('');
      expect(bench.box.workdir.startsWith('/')).toBe(true);
    });

    test('it is found by its tags while it lives', async () => {
      const tags = { suite: 'contract', part: 'listing' };
      const made = await bench.backend.create(spec, { signal: never, tags });
      const ids = async (wanted: Readonly<Record<string, string>>) =>
        (await bench.backend.list(wanted, never)).map(({ id }) => id);
      expect(await ids({ part: 'listing' })).toEqual([made.id]);
      expect(await ids(tags)).toEqual([made.id]);
      expect(await ids({ suite: 'contract' })).toContain(bench.box.id);
      expect(await ids({ ...tags, part: 'other' })).toEqual([]);
      const [found] = await bench.backend.list({ part: 'listing' }, never);
      expect(found?.tags).toMatchObject(tags);
      await found?.terminate();
      expect(await ids({ part: 'listing' })).toEqual([]);
      expect(await made.status()).toBe('gone');
    });

    testUnless(['network'], 'kept from the network, it reaches nothing of ours', async () => {
      if (!bench.backend.capabilities.networks.includes('none')) return;
      let heard = 0;
      const server = createServer((socket) => {
        heard += 1;
        socket.destroy();
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      const made = await bench.backend.create({ ...spec, network: 'none' }, { signal: never });
      const reach = `exec 4<>/dev/tcp/127.0.0.1/${port} && echo reached`;
      const result = await made.exec({ argv: ['bash', '-c', reach] });
      expect(heard).toBe(0);
      // A simulated shell may take the name for a file of its own.
      const { realProcesses } = bench.backend.capabilities;
      if (realProcesses) expect([result.exitCode === 0, out(result)]).toEqual([false, '']);
      await made.terminate();
      server.close();
    });

    test('two share no files of their working directories', async () => {
      const other = await bench.backend.create(spec, { signal: never });
      await sh('echo mine > only-here');
      expect(await other.stat(`${other.workdir}/only-here`)).toBeUndefined();
      await other.terminate();
    });

    test('once ended it is gone: to a command, a transfer and a command under way', async () => {
      const made = await bench.backend.create(spec, { signal: never });
      expect(await made.status()).toBe('running');
      const underWay = made.exec({ argv: ['sh', '-c', 'sleep 30'] }).then(
        () => 'ended',
        (error: unknown) => isSandboxGone(error),
      );
      await pause(300);
      await made.terminate();
      await made.terminate();
      if (gaps.concurrent === undefined) expect(await underWay).toBe(true);
      expect(await made.status()).toBe('gone');
      const gone = { kind: 'infrastructure_error', reason: 'SANDBOX_GONE' };
      await expect(made.exec({ argv: ['true'] })).rejects.toMatchObject(gone);
      await expect(made.spawn({ argv: ['true'] })).rejects.toMatchObject(gone);
      await expect(made.stat('/')).rejects.toMatchObject(gone);
      await expect(collect(made.getArchive('/tmp'))).rejects.toMatchObject(gone);
      await expect(made.putArchive('/tmp/x', chunked(tarOf([])))).rejects.toMatchObject(gone);
    });

    test('none is made for a signal that has fired, nor by a backend that is closed', async () => {
      const reason = new Error('no more');
      const late = bench.backend.create(spec, { signal: AbortSignal.abort(reason) });
      await expect(late).rejects.toBe(reason);
      const closed = await createBackend();
      await closed[Symbol.asyncDispose]();
      await expect(closed.create(spec, { signal: never })).rejects.toBeDefined();
    });

    test('its backend ends those that are left', async () => {
      const own = await createBackend();
      const left = await own.create(spec, { signal: never });
      await own[Symbol.asyncDispose]();
      expect(await left.status()).toBe('gone');
    });

    test('trying it shows that it works, and how long it took', async () => {
      const probe = await bench.backend.probe({ signal: never });
      expect(probe, probe.detail).toMatchObject({ works: true });
      expect(probe.remedy).toBeUndefined();
      expect(probe.createMs).toBeGreaterThan(0);
      expect(probe.execMs).toBeGreaterThan(0);
    });
  });
}
