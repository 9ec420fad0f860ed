import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import { abuse } from '../support/abuse.ts';
import type { World } from '../support/world.ts';

const MOUNT = 'mkdir m && mount -t tmpfs none m && echo mounted; umount m';
const SYSCTL = 'echo 1 > /proc/sys/net/ipv4/ip_forward; cat /proc/sys/net/ipv4/ip_forward';

export const privileges = [
  abuse('23', 'a hard link keeps a setuid program of the host', {
    box: async (world) => {
      const { code, err } = await world.inBox(`ln ${world.folder}/bin/setuid-tool kept`);
      assert.notEqual(code, 0);
      assert.match(err, /Invalid cross-device link|Read-only file system|not permitted/);
    },
    control: async (world) => {
      const { out } = await world.inPlain(
        `ln ${world.folder}/bin/setuid-tool kept && stat -c %a kept`,
      );
      assert.equal(out, '4755\n');
    },
  }),
  abuse('24', "a setuid copy of bash is left on the host's disk, or gives another user's rights", {
    box: async (world) => {
      const { out } = await world.inBox(`${ROOTKIT}; ./rootkit -p -c 'id -u; id -u -r'`);
      const [effective, real] = out.split('\n');
      assert.equal(effective, real);
      assert.notEqual(effective, '0');
      assert.equal(await rootkits(world), '');
    },
    control: async (world) => {
      const plain = await world.plain();
      await world.bash(plain, ROOTKIT);
      assert.equal(await rootkits(world), `4755 ${process.getuid?.()}\n`);
    },
  }),
  abuse('25', 'a block device is made', {
    box: async (world) => {
      const { err } = await world.inBox('mknod disk b 8 0; cat disk');
      assert.match(err, /not permitted|denied/);
    },
    // No user namespace lets anyone make one, its root neither: only that the same call makes a pipe can be shown.
    control: async (world) => {
      assert.equal((await world.inBox('mknod pipe p && stat -c %F pipe')).out, 'fifo\n');
      assert.equal((await world.inPlain('mknod pipe p && stat -c %F pipe')).out, 'fifo\n');
    },
  }),
  abuse('26', 'a nested user and mount namespace (an open gap: it can be made) reaches the host', {
    box: async (world) => {
      const { out } = await world.inBox(nested(world));
      assert.doesNotMatch(out, new RegExp(`wrote|${world.secret}`));
      assert.ok(!existsSync(`${world.home}/nested`));
    },
    control: async (world) => {
      world.atEnd(() => rmSync(`${world.home}/nested`, { force: true }));
      const { out } = await world.inPlain(nested(world));
      assert.match(out, new RegExp(world.secret));
      assert.ok(existsSync(`${world.home}/nested`));
    },
  }),
  abuse('27', 'something is mounted', {
    box: async (world) => {
      assert.equal((await world.inBox(MOUNT)).out, '');
    },
    // A plain user is kept from it by the kernel, with or without a box.
    control: async (world) => {
      assert.equal((await world.inPlain(MOUNT)).out, world.profile === 'root' ? 'mounted\n' : '');
    },
  }),
  abuse('28', 'settings of the kernel are written', {
    box: async (world) => {
      const { err } = await world.inBox(`${SYSCTL}; echo h > /proc/sysrq-trigger`);
      assert.equal(
        err.match(/Permission denied|Read-only file system|No such file/g)?.length,
        2,
        err,
      );
      const own = await world.childOutput(['cat', '/proc/sys/net/ipv4/ip_forward']);
      assert.equal(own, '0\n');
    },
    // Of the namespace's own network; a plain user is kept from it by its permissions.
    control: async (world) => {
      const { out } = await world.inPlain(SYSCTL);
      assert.equal(out, world.profile === 'root' ? '1\n' : '0\n');
      await world.inPlain('echo 0 > /proc/sys/net/ipv4/ip_forward');
    },
  }),
];

const ROOTKIT = 'cp /bin/bash rootkit && chmod 4755 rootkit';

/** Rights and owners of those that can be found on the host. */
async function rootkits(world: World): Promise<string> {
  const where = ['/tmp', '/dev/shm', '/var/tmp', '/home', '/root', '/opt'];
  return await world.childOutput(['find', ...where, '-name', 'rootkit', '-printf', '%m %U\\n']);
}

function nested({ home }: World): string {
  const script = [
    'mount -o remount,bind,rw / ; mount -o remount,bind,rw /usr',
    'touch /nested /usr/nested /etc/nested && echo wrote',
    `echo x > ${home}/nested; umount -l ${home} /home /root /tmp /usr`,
    `cat /proc/1/environ /proc/[0-9]*/environ ${home}/precious.txt`,
    'ls /proc/1/root/root',
  ].join('; ');
  return `unshare --user --map-root-user --mount bash -c '${script}' 2>/dev/null`;
}
