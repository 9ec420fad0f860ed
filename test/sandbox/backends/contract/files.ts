import { describe, expect, test } from 'vitest';
import { directory, file, link, readTar, tarOf } from '../tar.ts';
import { type ContractBench, chunked, collect } from './bench.ts';

export function testFiles(bench: ContractBench): void {
  const { sh, out, gaps, testUnless } = bench;
  describe('files', () => {
    test('an archive is unpacked where it is told, with odd names, links, modes and empty folders', async () => {
      const entries = [
        directory('top/'),
        directory('top/empty/'),
        file('top/plain.txt', 'plain\n'),
        file('top/odd name "ü" $x \'y\'', 'odd'),
        file('top/-dash', 'dash'),
        file('top/run.sh', '#!/bin/sh\necho ran', 0o755),
        file('top/binary', Buffer.from([0, 255, 10, 0])),
        ...(gaps.links === undefined ? [link('top/link', 'plain.txt')] : []),
      ];
      const tar = tarOf(entries);
      const target = `${bench.box.workdir}/unpacked/for it`;
      const taken = await bench.box.putArchive(target, chunked(tar));
      expect(taken).toBe(tar.length);
      const text = async (name: string) =>
        out(await bench.box.exec({ argv: ['cat', `${target}/top/${name}`] }));
      expect(await text('plain.txt')).toBe('plain\n');
      expect(await text('odd name "ü" $x \'y\'')).toBe('odd');
      expect(await text('-dash')).toBe('dash');
      if (gaps.links === undefined) expect(await text('link')).toBe('plain\n');
      expect((await bench.box.stat(`${target}/top/empty`))?.type).toBe('directory');
      if (gaps.modes !== undefined) return;
      const ran = await bench.box.exec({ argv: [`${target}/top/run.sh`] });
      expect([ran.exitCode, out(ran)]).toEqual([0, 'ran\n']);
    });

    test('a folder is packed whole, and a single file too', async () => {
      const script = `mkdir -p "pack/in side/empty" && cd pack && printf 'a\\000b' > "ü odd" &&
          echo deep > "in side/deep" && echo dash > ./-dash`;
      expect((await sh(script)).exitCode).toBe(0);
      if (gaps.links === undefined) await sh('ln -s "../ü odd" "pack/in side/link"');
      const packed = readTar(await collect(bench.box.getArchive(`${bench.box.workdir}/pack`)));
      const byName = new Map(packed.map((entry) => [entry.name.replace(/\/$/, ''), entry]));
      expect(byName.get('pack')?.type).toBe('directory');
      expect(byName.get('pack/in side/empty')?.type).toBe('directory');
      expect([...(byName.get('pack/ü odd')?.content ?? [])]).toEqual([97, 0, 98]);
      expect(byName.get('pack/in side/deep')?.content.toString()).toBe('deep\n');
      expect(byName.get('pack/-dash')?.content.toString()).toBe('dash\n');
      if (gaps.links === undefined) {
        expect(byName.get('pack/in side/link')).toMatchObject({
          type: 'link',
          target: '../ü odd',
        });
      }
      const [single, ...more] = readTar(
        await collect(bench.box.getArchive(`${bench.box.workdir}/pack/-dash`)),
      );
      expect(more).toEqual([]);
      expect(single).toMatchObject({ name: '-dash', type: 'file' });
    });

    test('what is not there can not be packed, and what is no archive not unpacked', async () => {
      const missing = collect(bench.box.getArchive(`${bench.box.workdir}/not-there`));
      await expect(missing).rejects.toMatchObject({ reason: 'ARCHIVE_FAILED' });
      const garbage = bench.box.putArchive(
        `${bench.box.workdir}/g`,
        chunked(Buffer.alloc(3_000, 'no tar')),
      );
      await expect(garbage).rejects.toMatchObject({ reason: 'ARCHIVE_FAILED' });
    });

    testUnless(
      ['processes', 'signals'],
      'a packing that is cancelled leaves no `tar` behind, whether anybody reads on or not',
      async () => {
        await sh('mkdir -p large-pack && truncate -s 400M large-pack/zeros');
        for (const readsOn of [false, true]) {
          const controller = new AbortController();
          const { signal } = controller;
          const archive = bench.box.getArchive(`${bench.box.workdir}/large-pack`, { signal });
          const pieces = archive[Symbol.asyncIterator]();
          expect((await pieces.next()).done).toBe(false);
          controller.abort();
          if (readsOn) await expect(pieces.next()).rejects.toThrow();
          const left = async () =>
            out(
              await sh(
                'cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\\0" " " | grep -ac "large-pac[k]"',
              ),
            );
          await expect.poll(left, { timeout: 5_000 }).toBe('0\n');
        }
      },
    );

    test('a path tells its kind, size, mode and time, and one that is not there nothing', async () => {
      await sh('printf 12345 > sized; mkdir -p folder');
      const found = await bench.box.stat(`${bench.box.workdir}/sized`);
      expect(found).toMatchObject({ type: 'file', size: 5 });
      expect(Math.abs((found?.modifiedMs ?? 0) - Date.now())).toBeLessThan(60_000);
      expect((await bench.box.stat(`${bench.box.workdir}/folder`))?.type).toBe('directory');
      expect(await bench.box.stat(`${bench.box.workdir}/none`)).toBeUndefined();
      if (gaps.modes === undefined) {
        await sh('chmod 640 sized');
        expect((await bench.box.stat(`${bench.box.workdir}/sized`))?.mode).toBe(0o640);
      }
      if (gaps.links === undefined) {
        await sh('ln -sf nowhere dangling');
        expect((await bench.box.stat(`${bench.box.workdir}/dangling`))?.type).toBe('link');
      }
    });
  });
}
