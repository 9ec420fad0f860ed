import assert from 'node:assert/strict';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { abuse } from '../support/abuse.ts';
import { allPids, type World } from '../support/world.ts';

const LIST = 'ls -d /proc/[0-9]* | wc -l; cat /proc/[0-9]*/cmdline | tr "\\0" " "';
/** A daemon that left its session, its group, its variables and its folder. */
const daemon = (word: string) =>
  `cd /; setsid -f env -i bash -c 'exec -a ${word} sleep 300' > /dev/null 2>&1 < /dev/null; sleep 0.2`;
/** Whoever waits for it may stop with it. */
const STOP = 'kill -STOP $$';
const STOP_AGAIN = `while :; do ${STOP}; done`;

export const processes = [
  abuse('11', "the host's processes are seen", {
    box: async (world) => {
      world.child(['bash', '-c', 'exec -a seen-victim sleep 60']);
      const { out } = await world.inBox(LIST);
      assert.ok(Number.parseInt(out, 10) < 15, out);
      assert.doesNotMatch(out, /seen-victim|worker\.ts/);
    },
    control: async (world) => {
      world.child(['bash', '-c', 'exec -a seen-victim sleep 60']);
      assert.match((await world.inPlain(LIST)).out, /seen-victim/);
    },
  }),
  abuse('12', 'a process of the host that has the same user is killed', {
    box: async (world) => {
      const box = await world.box();
      const uid = Number((await world.bash(box, 'id -u')).out);
      const victim = world.child(['sleep', '60'], world.profile === 'root' ? { uid } : {});
      await pause(50);
      await world.bash(box, `kill -9 ${victim.pid}; pkill -9 sleep`);
      await pause(50);
      assert.deepEqual([victim.exitCode, victim.signalCode], [null, null]);
    },
    control: async (world) => {
      const victim = world.child(['sleep', '60']);
      await world.inPlain(`kill -9 ${victim.pid}`);
      if (victim.signalCode === null) await once(victim, 'exit');
      assert.equal(victim.signalCode, 'SIGKILL');
    },
  }),
  abuse('13, 14', 'a fork bomb takes the processes of the host, and the sandbox with it', {
    box: async (world) => {
      const box = await world.box();
      const before = allPids().length;
      let most = 0;
      const sampling = setInterval(() => {
        most = Math.max(most, allPids().length);
      }, 20);
      const bomb = await world
        .bash(box, 'b() { b | b & }; b; sleep 30', { timeoutMs: 1_500 })
        .finally(() => clearInterval(sampling));
      assert.ok(most > before + 20, `the bomb went off: ${most}`);
      assert.ok(most < before + 64 + 16, `${most} processes, ${before} before`);
      assert.match(bomb.err, /Resource temporarily unavailable/);
      const next = await world.bash(box, 'echo on');
      assert.ok(next.out === 'on\n' || bomb.result.leftRunning, 'works, or is known to be dirty');
    },
    // A bounded one: the namespace allows 1,500, and each ends by itself.
    control: async (world) => {
      const { out } = await world.inPlain(
        'for i in $(seq 200); do sleep 20 & done; jobs -p | wc -l; kill -9 $(jobs -p)',
      );
      assert.equal(out, '200\n');
    },
  }),
  abuse('37, 39', 'a daemon that left its session outlives its sandbox', {
    box: async (world) => {
      const box = await world.box();
      await world.bash(box, daemon('daemon-of-box'));
      assert.equal(world.pidsOf('daemon-of-box').length, 1);
      await box.terminate();
      assert.deepEqual(world.pidsOf('daemon-of-box'), []);
    },
    control: async (world) => {
      const plain = await world.plain();
      await world.bash(plain, daemon('daemon-of-plain'));
      await plain.terminate();
      const [left = 0] = world.pidsOf('daemon-of-plain');
      assert.ok(left > 1);
      process.kill(left, 'SIGKILL');
    },
  }),
  abuse('38', '`kill -9 -1` ends more than its own sandbox', {
    box: async (world) => {
      const victim = world.child(['sleep', '60']);
      const other = await world.box();
      const box = await world.box();
      await assert.rejects(world.bash(box, 'kill -9 -1; sleep 20'), { reason: 'SANDBOX_GONE' });
      assert.equal(await box.status(), 'gone');
      assert.equal((await world.bash(other, 'echo on')).out, 'on\n');
      assert.deepEqual([victim.exitCode, victim.signalCode], [null, null]);
    },
    // In one more PID namespace, since it would end this very process.
    control: async (world) => {
      const out = await inner(world, 'kill-all');
      assert.match(out, /neighbour ended by SIGKILL/);
    },
  }),
  abuse('48', 'a command that stops itself, again and again, holds what waits for it', {
    box: async (world) => {
      const entries = () => world.pidsOf('/usr/bin/nsenter').length;
      const before = entries();
      const box = await world.box();
      for (const script of [STOP, STOP_AGAIN]) {
        const ran = await world.bash(box, script, { timeoutMs: 300 });
        assert.deepEqual([ran.result.timedOut, ran.result.leftRunning], [true, false]);
      }
      const entered = await box.spawn({ argv: ['bash', '-c', STOP_AGAIN] });
      entered.exited.catch(() => {});
      await pause(200);
      const began = performance.now();
      await box.terminate();
      await assert.rejects(entered.exited, { reason: 'SANDBOX_GONE' });
      assert.ok(performance.now() - began < 3_000, 'it was given back at once');
      assert.equal(entries(), before);
    },
    control: async (world) => {
      const victim = world.child(['bash', '-c', STOP]);
      await pause(200);
      victim.kill('SIGTERM');
      await pause(200);
      assert.deepEqual([victim.exitCode, victim.signalCode], [null, null]);
    },
  }),
  abuse('40', 'what ran goes on when the server is killed', {
    box: async (world) => {
      const others = world.pidsOf('/usr/bin/bwrap').length;
      await killedOwner(world, 'owner-of-box', 'orphan-of-box');
      const left = () =>
        world.pidsOf('orphan-of-box').length + world.pidsOf('/usr/bin/bwrap').length - others;
      for (let i = 0; i < 80 && left() > 0; i++) await pause(25);
      assert.equal(left(), 0);
    },
    control: async (world) => {
      await killedOwner(world, 'owner-of-plain', 'orphan-of-plain');
      await pause(300);
      assert.equal(world.pidsOf('orphan-of-plain').length, 1);
      // Its mark is how a janitor finds it.
      const found = await world.plains.list({ owner: 'orphan' }, new AbortController().signal);
      for (const each of found) await each.terminate();
      assert.deepEqual(world.pidsOf('orphan-of-plain'), []);
    },
  }),
];

const program = path.join(import.meta.dirname, '../support/inner.ts');

/** A server of its own that is killed while a command named `word` runs. */
async function killedOwner(world: World, role: string, word: string): Promise<void> {
  const owner = world.child([...node(world, role), word]);
  for (let i = 0; i < 200 && world.pidsOf(word).length === 0; i++) await pause(25);
  assert.equal(world.pidsOf(word).length, 1);
  owner.kill('SIGKILL');
  await once(owner, 'exit');
}

async function inner(world: World, role: string): Promise<string> {
  const user = world.profile === 'root' ? [] : ['--user', '--map-current-user'];
  const private_ = ['unshare', ...user, '--pid', '--fork', '--kill-child'];
  return await world.childOutput([...private_, ...node(world, role)]);
}

function node(world: World, role: string): readonly string[] {
  const args = ['--conditions=lachesis-source', program, role];
  return [process.execPath, ...args, JSON.stringify(world.hostNamespaces), world.folder];
}
