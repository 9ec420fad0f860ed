import assert from 'node:assert/strict';
import { abuse } from '../support/abuse.ts';

const ENVIRONMENTS = "cat /proc/[0-9]*/environ | tr '\\0' '\\n'";

export const secrets = [
  abuse('1', "`env` shows the host's secrets", {
    box: async (world) => {
      assert.doesNotMatch((await world.inBox('env')).out, new RegExp(world.secret));
    },
    // The `process` backend too passes on a few variables only, so that a bare child has to show the harm.
    control: async (world) => {
      assert.doesNotMatch((await world.inPlain('env')).out, new RegExp(world.secret));
      assert.match(await world.childOutput(['env']), new RegExp(world.secret));
    },
  }),
  abuse('2', '`/proc/*/environ` shows the secrets of the server, or of a neighbour', {
    box: async (world) => {
      const neighbour = await world.box({ env: { NEIGHBOUR: 'of-the-neighbour' } });
      await neighbour.spawn({ argv: ['sleep', '20'] });
      const { out } = await world.inBox(ENVIRONMENTS);
      assert.match(out, /HOME=/);
      assert.doesNotMatch(out, new RegExp(`${world.secret}|of-the-neighbour`));
    },
    control: async (world) => {
      const neighbour = await world.plain({ env: { NEIGHBOUR: 'of-the-neighbour' } });
      await neighbour.spawn({ argv: ['sleep', '20'] });
      const { out } = await world.inPlain(ENVIRONMENTS);
      assert.match(out, new RegExp(world.secret));
      assert.match(out, /of-the-neighbour/);
    },
  }),
  abuse('3', '`/etc/shadow`, `~/.ssh` and `~/.modal.toml` can be read', {
    box: async (world) => {
      const { out } = await world.inBox(files(world.home));
      assert.doesNotMatch(out, new RegExp(world.secret));
    },
    control: async (world) => {
      const { out } = await world.inPlain(files(world.home));
      // A plain user is kept from the first by its permissions.
      const readable = world.profile === 'root' ? 3 : 2;
      assert.equal(out.match(new RegExp(world.secret, 'g'))?.length, readable);
    },
  }),
  abuse('4', 'homes can be listed', {
    box: async (world) => {
      const { out } = await world.inBox(homes(world.home));
      assert.doesNotMatch(out, /precious|server/);
    },
    control: async (world) => {
      assert.match((await world.inPlain(homes(world.home))).out, /precious/);
    },
  }),
  abuse('6', "another task's files can be read, though both run as one user", {
    box: async (world) => {
      const first = await world.box();
      await world.bash(first, 'echo the-answer > answer; chmod 644 answer');
      assert.doesNotMatch((await world.inBox(FIND_ANSWER)).out, /the-answer/);
    },
    control: async (world) => {
      const first = await world.plain();
      await world.bash(first, 'echo the-answer > answer; chmod 644 answer');
      assert.match((await world.inPlain(FIND_ANSWER)).out, /the-answer/);
    },
  }),
  abuse('29', 'descriptors that the server inherited can be read', {
    box: async (world) => {
      const { out } = await world.inBox(DESCRIPTORS);
      assert.doesNotMatch(out, new RegExp(world.secret));
      assert.match(out, /^0 1 2 3\n/, 'the last is of the listing itself');
    },
    // It closes them for its commands too, but the server's own are there to be opened.
    control: async (world) => {
      assert.match((await world.inPlain(DESCRIPTORS)).out, new RegExp(world.secret));
    },
  }),
];

const DESCRIPTORS = 'echo $(ls /proc/self/fd); cat <&40 2>/dev/null; cat /proc/[0-9]*/fd/40';
const FIND_ANSWER =
  'cat ../../*/workspace/answer /proc/[0-9]*/root/workspace/answer /proc/[0-9]*/cwd/answer';

function files(home: string): string {
  return `cat /etc/shadow ${home}/.ssh/id_ed25519 ${home}/.modal.toml`;
}

function homes(home: string): string {
  return `ls -A ${home} /home /root`;
}
