import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createBubblewrapBackend,
  outputBytes,
  type Sandbox,
  type SandboxBackend,
} from '../../../../src/sandbox/index.ts';
import { noBoxes } from '../../../support/boxes.ts';

const never = new AbortController().signal;

describe.skipIf(noBoxes !== undefined)('a box of bubblewrap', () => {
  let backend: SandboxBackend;
  let box: Sandbox;
  beforeAll(async () => {
    backend = createBubblewrapBackend();
    box = await backend.create(
      { resources: { pids: 40, diskMiB: 8, memoryMiB: 600 } },
      { signal: never },
    );
  });
  afterAll(() => backend[Symbol.asyncDispose]());

  const bash = async (script: string, inside = box, env: Record<string, string> = {}) => {
    const result = await inside.exec({ argv: ['bash', '-c', script], env }, { timeoutMs: 15_000 });
    const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
    return {
      code: result.exitCode,
      out: text(outputBytes(result.stdout)),
      err: text(outputBytes(result.stderr)),
    };
  };
  /** The uids, as the host sees them, of processes whose command line holds this word. */
  const hostUids = (pid: number) =>
    /^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];

  test('shows nothing of our environment, not even in the one of its first process', async () => {
    process.env['TRAPS_TEST_SECRET'] = 'host-secret';
    try {
      const fresh = await backend.create({}, { signal: never });
      const seen = await bash('cat /proc/[0-9]*/environ | tr "\\0" "\\n"', fresh);
      expect(seen.out).toContain('HOME=/home/agent');
      expect(seen.out).not.toContain('host-secret');
      // What a shell that closed descriptors on the way may have set.
      const first = await bash(
        'tr "\\0" "\\n" < /proc/1/environ | grep -vE "^(PWD=/|SHLVL=0|_=.*)$"',
        fresh,
      );
      expect(first.out).toBe('');
      await fresh.terminate();
    } finally {
      delete process.env['TRAPS_TEST_SECRET'];
    }
  });

  test('gives a command its three streams and no other descriptor, its first processes too', async () => {
    // The fourth is of the listing itself.
    expect((await bash('ls /proc/self/fd')).out.split('\n').filter(Boolean)).toEqual([
      '0',
      '1',
      '2',
      '3',
    ]);
    const first = await bash('for p in 1 2; do for f in /proc/$p/fd/*; do readlink $f; done; done');
    for (const target of first.out.split('\n').filter(Boolean)) {
      expect(target).toMatch(/^(socket:|anon_inode:\[eventfd\]|\/dev\/null)/);
    }
  });

  test('can be written to in its three places only', async () => {
    const script = `for d in / /dev /usr /usr/local /etc /proc /sys /var /run /home /lib; do
      touch $d/x 2>/dev/null && echo "wrote $d"; mkdir $d/y 2>/dev/null && echo "made $d"; done
      for d in /workspace /tmp /home/agent /dev/shm; do touch $d/x || echo "not $d"; done`;
    expect((await bash(script)).out).toBe('');
  });

  test('shows nobody of the host: no accounts, no homes, no processes', async () => {
    const script = 'cat /etc/passwd; ls /root /etc/shadow 2>&1; ls /home; hostname; id -un';
    const { out } = await bash(script);
    expect(out.split('\n').filter((line) => line.includes(':x:'))).toHaveLength(2);
    expect(out).toMatch(
      /cannot access '\/root'[\s\S]*cannot access '\/etc\/shadow'[\s\S]*agent\nsandbox\nagent\n/,
    );
    expect(Number((await bash('ls -d /proc/[0-9]* | wc -l')).out)).toBeLessThan(8);
  });

  test('runs without privileges and can gain none', async () => {
    const { out } = await bash(
      'grep -E "^(NoNewPrivs|Cap(Prm|Eff|Amb))" /proc/self/status | tr "\\t" " "',
    );
    expect(out).toBe(
      'CapPrm: 0000000000000000\nCapEff: 0000000000000000\nCapAmb: 0000000000000000\nNoNewPrivs: 1\n',
    );
    const mounts =
      'mount -t tmpfs none /tmp 2>&1 || echo refused; mknod /tmp/b b 8 0 2>&1 || echo refused';
    expect((await bash(mounts)).out.match(/refused/g)).toHaveLength(2);
  });

  test.skipIf(process.getuid?.() !== 0)(
    "has a user id that is no other live box's, and never root's",
    async () => {
      const other = await backend.create({}, { signal: never });
      const [own, others] = await Promise.all([bash('id -u'), bash('id -u', other)]);
      expect(Number(own.out)).toBeGreaterThanOrEqual(200_000);
      expect(others.out).not.toBe(own.out);
      const process = await box.spawn({ argv: ['sleep', '30'] });
      expect(hostUids(Number(process.id))).toBe(own.out.trim());
      await process.kill('SIGKILL');
      await other.terminate();
      const next = await backend.create({}, { signal: never });
      expect((await bash('id -u', next)).out).toBe(others.out);
      await next.terminate();
    },
  );

  test('sets variables inside only: the programs that enter it do not heed them', async () => {
    const seen = await bash('echo ran', box, { LD_PRELOAD: '/workspace/no.so', BASH_ENV: '/none' });
    // Its own programs complain; had nsenter been told, it would have too, before anything ran.
    expect(seen.code).toBe(0);
    expect(seen.out).toBe('ran\n');
    const complaints = seen.err.split('\n').filter((line) => line.includes('LD_PRELOAD'));
    expect(complaints.length).toBe(1);
  });

  test('holds its processes to their number, and still runs the next command', async () => {
    const full = await backend.create({ resources: { pids: 40 } }, { signal: never });
    const bomb = 'for i in $(seq 100); do sleep 30 & done';
    const result = await full.exec({ argv: ['sh', '-c', bomb] });
    expect(Buffer.from(outputBytes(result.stderr)).toString()).toContain('Cannot fork');
    expect([result.exitCode, result.leftRunning]).toEqual([2, true]);
    // Those that were left fill it: a command still begins, but can start none itself.
    expect((await bash('echo on', full)).out).toBe('on\n');
    const started = await full.exec({ argv: ['sh', '-c', 'sleep 1 & echo no'] });
    expect([started.exitCode, started.stdout.totalBytes]).toEqual([2, 0]);
    await full.terminate();
  });

  test('holds files to the size of its disk, one and all together', async () => {
    const full = await bash('head -c 20000000 /dev/zero > /workspace/big; rm -f /workspace/big');
    expect(full.err).toMatch(/No space left|File size limit|File too large/);
    const large = await bash('truncate -s 10G /tmp/sparse; echo $?; rm -f /tmp/sparse');
    expect(large.out.trim()).not.toBe('0');
  });

  test('holds each process to its memory, which it is told by a failed allocation', async () => {
    const { code, err } = await bash('python3 -c "x = bytearray(1200 * 1024 * 1024)"');
    expect([code, err]).toEqual([1, expect.stringContaining('MemoryError')]);
  });

  test('ends the largest processes when all together hold too much memory, and goes on', async () => {
    const greedy = await backend.create({ resources: { memoryMiB: 150 } }, { signal: never });
    const hold = (mib: number, s: number) =>
      `python3 -c "import time; x = b'x' * (${mib} << 20); time.sleep(${s})"`;
    const script = `${hold(20, 3)} & small=$!; ${hold(90, 20)} & ${hold(80, 20)} & wait $small; echo $?`;
    const { out } = await bash(script, greedy);
    expect(out).toBe('0\n');
    const one = await bash(`exec ${hold(10, 0)}`, greedy);
    expect(one.code).toBe(0);
    await greedy.terminate();
  });

  test('is ended, with the reason, when what it ends comes back again and again', async () => {
    const greedy = await backend.create({ resources: { memoryMiB: 60 } }, { signal: never });
    const hold = `python3 -c "import time; x = b'x' * (50 << 20); time.sleep(9)"`;
    const script = `while :; do for i in 1 2 3; do ${hold} & done; sleep 0.2; done`;
    const ran = greedy.exec({ argv: ['bash', '-c', script] }, { timeoutMs: 60_000 });
    await expect(ran).rejects.toMatchObject({
      reason: 'SANDBOX_GONE',
      metadata: { endedBy: 'tenant' },
      message: expect.stringContaining('60 MiB of memory allowed together'),
    });
    expect(await greedy.status()).toBe('gone');
  });

  test('is ended, with the reason, when it holds too many files', async () => {
    await using small = createBubblewrapBackend({ files: 500 });
    const made = await small.create({}, { signal: never });
    const ran = made.exec({ argv: ['bash', '-c', 'mkdir d; cd d; touch $(seq 2000); sleep 20'] });
    await expect(ran).rejects.toMatchObject({
      reason: 'SANDBOX_GONE',
      metadata: { endedBy: 'tenant' },
      message: expect.stringContaining('files, of 500 allowed'),
    });
  });

  test('is gone when what runs in it ends all it can', async () => {
    const doomed = await backend.create({}, { signal: never });
    await bash('kill -9 -1; sleep 20', doomed).catch(() => {});
    await expect.poll(() => doomed.status(), { timeout: 5_000 }).toBe('gone');
    await expect(bash('true', doomed)).rejects.toMatchObject({ reason: 'SANDBOX_GONE' });
    expect((await bash('echo unharmed')).out).toBe('unharmed\n');
  });

  test('takes all along when it ends, daemons of their own sessions too', async () => {
    const made = await backend.create({}, { signal: never });
    const word = `daemon-${made.id}`;
    await bash(
      `setsid -f bash -c 'exec -a ${word} sleep 1000' >/dev/null 2>&1 </dev/null; sleep 0.2`,
      made,
    );
    expect(await hostProcesses(word)).toBe(1);
    await made.terminate();
    expect(await hostProcesses(word)).toBe(0);
  });

  test('sweeps what a killed command left in its group, and leaves other commands alone', async () => {
    const other = await box.spawn({ argv: ['sleep', '30'] });
    const word = `immune-${box.id}`;
    // The first ends when it is told, and leaves one that does not, which nobody is the parent of.
    const script = `(bash -c 'trap "" TERM; exec -a ${word} sleep 50' & ) ; sleep 0.3; exec sleep 50`;
    const result = await box.exec({ argv: ['bash', '-c', script] }, { timeoutMs: 900 });
    expect(result.timedOut).toBe(true);
    expect(await hostProcesses(word)).toBe(0);
    expect(hostUids(Number(other.id))).toBeDefined();
    await other.kill('SIGKILL');
  });

  test('refuses variables that no program could be given, by the field', async () => {
    const ran = bash('true', box, { LONG: 'x'.repeat(200_000) });
    await expect(ran).rejects.toMatchObject({ kind: 'invalid_input', field: 'command.env' });
    expect((await bash('echo on')).out).toBe('on\n');
  });

  test('goes before the rest of the host when memory runs out', async () => {
    expect((await bash('cat /proc/self/oom_score_adj')).out).toBe('1000\n');
  });

  test('is over when its lifetime is', async () => {
    const brief = await backend.create({}, { signal: never, lifetimeMs: 200 });
    await expect.poll(() => brief.status(), { timeout: 5_000 }).toBe('gone');
    await expect(bash('true', brief)).rejects.toThrow('its lifetime is over');
  });

  describe('and the network', () => {
    let server: Server;
    let port = 0;
    let heard = 0;
    beforeAll(async () => {
      server = createServer((socket) => {
        heard += 1;
        socket.end('hello');
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      port = (server.address() as { port: number }).port;
    });
    afterAll(() => {
      server.close();
    });

    test("has none unless it is asked for: no address, no host, no socket of the host's", async () => {
      expect((await bash(`exec 4<>/dev/tcp/127.0.0.1/${port}`)).code).not.toBe(0);
      expect((await bash('exec 4<>/dev/udp/192.0.2.1/53')).code).not.toBe(0);
      const interfaces = await bash("tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '");
      expect(interfaces.out).toBe('lo\n');
      expect((await bash('cat /proc/net/unix | grep -c @')).out.trim()).toBe('0');
      expect(heard).toBe(0);
    });

    test("has the host's when it is open", async () => {
      const open = await backend.create({ network: 'open' }, { signal: never });
      expect((await bash(`cat < /dev/tcp/127.0.0.1/${port}`, open)).out).toBe('hello');
      expect(heard).toBe(1);
      await open.terminate();
    });

    test('has its own loopback', async () => {
      const script =
        'python3 -c "import socket; s=socket.create_server((\'127.0.0.1\',0)); socket.create_connection(s.getsockname()); print(1)"';
      expect((await bash(script)).out).toBe('1\n');
    });
  });
});

/** How many processes of the host have this word in their command line. */
async function hostProcesses(word: string): Promise<number> {
  const { readdirSync } = await import('node:fs');
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith(word);
    } catch {
      return false;
    }
  }).length;
}
