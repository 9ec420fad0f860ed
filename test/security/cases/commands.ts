import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { abuse } from '../support/abuse.ts';

const SPIN = 'exec -a spinner bash -c "while :; do :; done"';
const IMMUNE = `exec -a immune bash -c 'trap "" TERM INT HUP; while :; do sleep 0.1; done'`;
const FLOOD_BYTES = 300_000_000;
const FLOOD = `head -c ${FLOOD_BYTES} /dev/zero`;

/** What a command does to whoever waits for it. The `process` backend waits with the same care, so bare children show the harm. */
export const commands = [
  abuse('19', 'a command spins for ever', {
    box: async (world) => {
      const { result } = await world.inBox(SPIN, { timeoutMs: 500 });
      assert.ok(result.timedOut);
      assert.ok(result.durationMs < 1_500, `${result.durationMs} ms`);
      assert.deepEqual(world.pidsOf('spinner'), []);
    },
    control: async (world) => {
      const child = world.child(['bash', '-c', SPIN]);
      await pause(800);
      assert.equal(child.exitCode, null);
    },
  }),
  abuse('20', 'a command takes no notice of being told to end', {
    box: async (world) => {
      const { result } = await world.inBox(IMMUNE, { timeoutMs: 300 });
      assert.deepEqual([result.timedOut, result.signal], [true, 'SIGKILL']);
      assert.ok(result.durationMs < 5_000, `${result.durationMs} ms`);
      assert.deepEqual(world.pidsOf('immune'), []);
    },
    control: async (world) => {
      const child = world.child(['bash', '-c', IMMUNE]);
      await pause(300);
      for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) child.kill(signal);
      await pause(300);
      assert.deepEqual([child.exitCode, child.signalCode], [null, null]);
    },
  }),
  abuse('21', 'a command floods its output', {
    box: async (world) => {
      const growth = await growthOf(async () => {
        const { result } = await world.inBox(FLOOD, { maxOutputBytes: 1_048_576 });
        assert.equal(result.stdout.totalBytes, FLOOD_BYTES);
        assert.equal(result.stdout.head.length + result.stdout.tail.length, 1_048_576);
      });
      assert.ok(growth < 150_000_000, `${growth} bytes`);
    },
    control: async (world) => {
      const growth = await growthOf(async () => {
        const child = world.child(['bash', '-c', FLOOD]);
        const kept: Buffer[] = [];
        child.stdout?.on('data', (bytes: Buffer) => kept.push(bytes));
        await once(child, 'close');
        return kept;
      });
      assert.ok(growth > 150_000_000, `${growth} bytes`);
    },
  }),
  abuse('22', "a child that is left behind holds the command's output", {
    box: async (world) => {
      const { result, out } = await world.inBox('sleep 20 & echo done');
      assert.deepEqual([out, result.exitCode, result.leftRunning], ['done\n', 0, true]);
      assert.ok(result.durationMs < 1_500, `${result.durationMs} ms`);
    },
    control: async (world) => {
      const child = world.child(['bash', '-c', 'sleep 20 & echo done'], { detached: true });
      child.stdout?.resume();
      const closed = once(child, 'close').then(() => 'closed');
      assert.equal(await Promise.race([closed, pause(1_500, 'held')]), 'held');
      process.kill(-(child.pid ?? 0), 'SIGKILL');
    },
  }),
  abuse('35', 'a NUL in a command', {
    box: async (world) => {
      const box = await world.box();
      for (const command of [
        { argv: ['echo', 'a\0b'] },
        { argv: ['true'], cwd: '/a\0b' },
        { argv: ['true'], env: { NAME: 'a\0b' } },
      ] as const) {
        await assert.rejects(box.exec(command), { kind: 'invalid_input' });
      }
    },
    control: async (world) => {
      assert.throws(() => world.child(['echo', 'a\0b']), { code: 'ERR_INVALID_ARG_VALUE' });
    },
  }),
  abuse('36', 'a command of 200 KB', {
    box: async (world) => {
      const box = await world.box();
      const script = Buffer.from(`: ${'x'.repeat(200_000)}\necho done\n`);
      const result = await box.exec({ argv: ['bash'], stdin: script });
      assert.equal(Buffer.from(result.stdout.head).toString(), 'done\n');
      await assert.rejects(box.exec({ argv: ['echo', 'x'.repeat(200_000)] }), {
        kind: 'invalid_input',
      });
    },
    control: async (world) => {
      assert.throws(() => world.child(['echo', 'x'.repeat(200_000)]), { code: 'E2BIG' });
    },
  }),
  abuse('42', 'variables such as `BASH_ENV` and `LD_PRELOAD` reach what the host runs', {
    box: async (world) => {
      const box = await world.box();
      await assert.rejects(box.exec({ argv: ['true'], env: { 'A=B': 'x' } }), {
        kind: 'invalid_input',
      });
      await world.bash(box, 'echo "echo from-bash-env >&2" > evil.sh');
      const env = { BASH_ENV: `${box.workdir}/evil.sh`, LD_PRELOAD: '/none.so' };
      const { stderr } = await box.exec({ argv: ['bash', '-c', ':'], env });
      const text = Buffer.from(stderr.head).toString();
      // In the box they are heeded, by the command itself alone: each complaint is there once.
      assert.equal(text.match(/from-bash-env/g)?.length, 1, text);
      assert.equal(text.match(/none\.so/g)?.length, 1, text);
    },
    control: async (world) => {
      const env = { ...process.env, BASH_ENV: '/dev/stdin', LD_PRELOAD: '/none.so' };
      const script = 'bash -c : 2>&1 <<< "echo from-bash-env"';
      const out = await world.childOutput(['bash', '--norc', '-c', `${script}; ${script}`], {
        env: { ...env, BASH_ENV: '' },
      });
      assert.ok((out.match(/none\.so/g)?.length ?? 0) >= 2, out);
    },
  }),
];

async function growthOf(run: () => Promise<unknown>): Promise<number> {
  const before = process.memoryUsage.rss();
  let most = before;
  const sampling = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss());
  }, 20);
  const kept = await run().finally(() => clearInterval(sampling));
  most = Math.max(most, process.memoryUsage.rss());
  return most - before + (kept === null ? 1 : 0);
}
