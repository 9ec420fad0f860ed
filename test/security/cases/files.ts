import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Sandbox } from '../../../src/sandbox/index.ts';
import { directory, file, link, tarOf } from '../../sandbox/backends/tar.ts';
import { abuse } from '../support/abuse.ts';
import type { World } from '../support/world.ts';

export const files = [
  abuse('5', 'something is written outside the workspace', {
    box: async (world) => {
      assert.equal((await world.inBox(intrude(world))).out, '');
      assert.ok(!existsSync(`${world.home}/intruder`));
      // Its own places for temporary files are no others'.
      assert.equal((await world.inBox('echo x > /tmp/intruder && cat /tmp/intruder')).out, 'x\n');
      assert.ok(!existsSync('/tmp/intruder'));
    },
    control: async (world) => {
      for (const place of [world.home, world.folder, `${world.folder}/bin`]) {
        world.atEnd(() => rmSync(`${place}/intruder`, { force: true }));
      }
      assert.match((await world.inPlain(intrude(world))).out, new RegExp(`wrote ${world.home}`));
      assert.ok(existsSync(`${world.home}/intruder`));
    },
  }),
  abuse('30', 'the result is a link to a file of the host', {
    box: async (world) => {
      const box = await world.box();
      await world.bash(box, `ln -s ${world.home}/precious.txt result.txt`);
      assert.equal((await box.stat(`${box.workdir}/result.txt`))?.type, 'link');
      assert.doesNotMatch(await archive(box, 'result.txt'), new RegExp(world.secret));
    },
    control: async (world) => {
      const plain = await world.plain();
      await world.bash(plain, `ln -s ${world.home}/precious.txt result.txt`);
      const text = readFileSync(`${plain.workdir}/result.txt`, 'utf8');
      assert.match(text, new RegExp(world.secret));
    },
  }),
  abuse('31', "a folder on the result's path is a link to one of the host", {
    box: async (world) => {
      const box = await world.box();
      await world.bash(box, `ln -s ${world.home} out`);
      await assert.rejects(archive(box, 'out/precious.txt'), { reason: 'ARCHIVE_FAILED' });
    },
    control: async (world) => {
      const plain = await world.plain();
      await world.bash(plain, `ln -s ${world.home} out`);
      assert.match(await archive(plain, 'out/precious.txt'), new RegExp(world.secret));
    },
  }),
  abuse('32', 'the result is a named pipe that nobody writes to', {
    box: async (world) => {
      const box = await world.box();
      await world.bash(box, 'mkfifo result.txt');
      assert.equal((await box.stat(`${box.workdir}/result.txt`))?.type, 'other');
      const began = performance.now();
      await archive(box, 'result.txt');
      assert.ok(performance.now() - began < 2_000);
    },
    control: async (world) => {
      const { result } = await world.inPlain('mkfifo result.txt; cat result.txt', {
        timeoutMs: 400,
      });
      assert.ok(result.timedOut);
    },
  }),
  abuse('33', 'a link in the workspace leads its removal to a folder of the host', {
    box: async (world) => {
      const precious = preciousFolder(world);
      const box = await world.box();
      await world.bash(box, `ln -s ${precious} link; ln -s ${precious} dir.d`);
      await box.terminate();
      assert.deepEqual(readdirSync(precious), ['kept']);
      // The folder of a `process` sandbox is on the host, and removed with as much care.
      const plain = await world.plain();
      await world.bash(plain, `ln -s ${precious} link`);
      await plain.terminate();
      assert.deepEqual(readdirSync(precious), ['kept']);
    },
    control: async (world) => {
      const precious = preciousFolder(world);
      await world.inPlain(`ln -s ${precious} link; rm -rf -- ./*/*`);
      assert.deepEqual(readdirSync(precious), []);
    },
  }),
  abuse('34', 'a folder that nobody may enter, or 400 deep, outlives its sandbox', {
    box: async (world) => {
      const before = readdirSync(`${world.folder}/plain`);
      for (const sandbox of [await world.box(), await world.plain()]) {
        await world.bash(sandbox, STUBBORN);
        await sandbox.terminate();
      }
      assert.deepEqual(readdirSync(`${world.folder}/plain`), before);
    },
    // Nothing is stubborn to root.
    control: async (world) => {
      const folder = path.join(world.folder, 'stubborn');
      mkdirSync(folder);
      await world.inPlain(`cd ${folder} && ${STUBBORN}`);
      const remove = () => rmSync(folder, { recursive: true, force: true });
      if (world.profile === 'root') remove();
      else assert.throws(remove, { code: 'EACCES' });
      await world.inPlain(`chmod -R u+rwx ${folder}; rm -rf ${folder}`);
    },
  }),
  abuse('41', 'the name of a task leads out of a folder, or into a shell', {
    box: async (world) => {
      const never = new AbortController().signal;
      for (const owner of NAMES) {
        for (const backend of [world.boxes, world.plains]) {
          const made = await backend.create({}, { signal: never, tags: { owner } });
          assert.match(made.id, /^(bw|process)-[0-9a-f-]{36}$/);
          const found = await backend.list({ owner }, never);
          assert.deepEqual(
            found.map(({ id }) => id),
            [made.id],
          );
          await made.terminate();
        }
      }
      assert.deepEqual(readdirSync(world.folder).sort(), ['bin', 'inherited', 'plain']);
    },
    control: async (world) => {
      const escaped = path.join(world.folder, 'plain', NAMES[0] ?? '');
      assert.equal(path.dirname(escaped), world.folder);
      await world.childOutput(['bash', '-c', `cd ${world.folder}; echo ${NAMES[1]}`]);
      assert.ok(existsSync(`${world.folder}/harm`));
      rmSync(`${world.folder}/harm`);
    },
  }),
  abuse('43', 'an archive that is unpacked names files outside', {
    box: async (world) => {
      const box = await world.box();
      await box.putArchive(box.workdir, stream(evilTar(world))).catch(() => {});
      assert.ok(!existsSync(`${world.folder}/evil`));
      // A plain name in the same archive would not matter; what leads out did not get anywhere.
      assert.equal((await world.bash(box, `ls -d ${world.folder}/evil`)).out, '');
    },
    control: async (world) => {
      const plain = await world.plain();
      const argv = ['tar', '-xPf', '-', '-C', plain.workdir] as const;
      await plain.exec({ argv, stdin: evilTar(world) });
      assert.ok(existsSync(`${world.folder}/evil`));
      rmSync(`${world.folder}/evil`);
    },
  }),
];

const NAMES = [
  '../escaped',
  '$(touch harm)',
  'a;rm -rf /',
  'new\nline',
  'x'.repeat(300),
  '.',
  'ü🙂',
  'nul\0',
];
const STUBBORN = `mkdir -p locked/inner && touch locked/inner/file && chmod 000 locked/inner locked
for i in $(seq 400); do mkdir d && cd d || exit 1; done`;

function intrude({ home, folder }: World): string {
  const places = `/ /usr /etc /var /run /sys /proc /dev ${home} ${folder} ${folder}/bin`;
  return `for d in ${places}; do echo x > $d/intruder && echo "wrote $d"; done 2>/dev/null`;
}

function preciousFolder(world: World): string {
  const folder = path.join(world.folder, 'precious');
  mkdirSync(folder);
  writeFileSync(path.join(folder, 'kept'), '');
  world.atEnd(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function archive(sandbox: Sandbox, name: string): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of sandbox.getArchive(`${sandbox.workdir}/${name}`)) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

function evilTar({ folder }: World): Buffer {
  return tarOf([
    directory('sub'),
    link('out', folder),
    file(`${folder}/evil`, 'absolute'),
    file('../../../../../../../../opt/host/evil', 'climbing'),
    file('out/evil', 'through a link'),
  ]);
}

async function* stream(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
