import assert from 'node:assert/strict';
import { abuse } from '../support/abuse.ts';

const FILL_MANY =
  'for i in $(seq 16); do head -c 4M /dev/zero > part$i || echo full; done; du -sm .';

export const resources = [
  abuse('15', 'one process takes 2 GB of memory', {
    box: async (world) => {
      const { code, err } = await world.inBox('python3 -c "bytearray(2 << 30)"');
      assert.notEqual(code, 0);
      assert.match(err, /MemoryError/);
    },
    // Asked for, never touched: none of it is really taken.
    control: async (world) => {
      assert.equal((await world.inPlain('python3 -c "bytearray(2 << 30)"')).code, 0);
    },
  }),
  abuse('16', '`/tmp` is filled', {
    box: async (world) => {
      const { err } = await world.inBox(`cd /tmp; ${FILL_MANY}`);
      assert.match(err, /No space left/);
    },
    control: async (world) => {
      const { out } = await world.inPlain(`mkdir /tmp/f; cd /tmp/f; ${FILL_MANY}; rm -r /tmp/f`);
      assert.ok(Number.parseInt(out, 10) >= 64, out);
    },
  }),
  abuse('17', 'one file is made huge', {
    box: async (world) => {
      const { result } = await world.inBox('exec truncate -s 10G huge');
      assert.equal(result.signal, 'SIGXFSZ');
    },
    control: async (world) => {
      const { out } = await world.inPlain('truncate -s 10G huge && stat -c %s huge');
      assert.equal(out, '10737418240\n');
    },
  }),
  abuse('18', 'many files fill the disk', {
    box: async (world) => {
      const { out, err } = await world.inBox(FILL_MANY);
      assert.match(err, /No space left/);
      assert.ok(Number.parseInt(out.split('\n').at(-2) ?? '', 10) <= 16, out);
    },
    control: async (world) => {
      const { out } = await world.inPlain(FILL_MANY);
      assert.ok(Number.parseInt(out, 10) >= 64, out);
    },
  }),
];
