import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, realpathSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { namespacesOf } from './guard.ts';

export type Profile = 'root' | 'user';

/** Stands for the one of a cloud that hands out credentials; here an address of the namespace's own loopback. */
export const METADATA = '169.254.169.254';
export const HOST_SECRET = 'sk-of-the-host-5f1c';

/** Host ids that are nobody's; 0 to 65,535 in there. */
const FIRST_ID = 1_000_000;
const IDS = 65_536;
const MAX_MS = 110_000;
const CHECKOUT = path.resolve(import.meta.dirname, '../../..');

/** Why the suite can't run here; undefined where it can. */
export function whyNoNamespace(): string | undefined {
  if (process.platform !== 'linux') return 'it needs Linux namespaces';
  // One id can be mapped by anyone, but a box per user id needs many.
  if (process.getuid?.() !== 0) return 'mapping many user ids needs root';
  for (const program of ['/usr/bin/bwrap', '/usr/sbin/ip', '/usr/bin/python3']) {
    if (!existsSync(program)) return `${program} is not installed`;
  }
  return undefined;
}

/**
 * Runs a program of Node in private user, mount, PID, network, IPC and UTS namespaces, and calls `onLine` with
 * each line it prints. `root` is uid 0 of the user namespace; the machine's root is not mapped at all, so nobody
 * in there is it. The user namespace is made empty and mapped from outside: the first process to enter it after
 * that becomes its root and makes the others.
 */
export async function runInNamespace(
  profile: Profile,
  program: string,
  onLine: (line: string) => void,
): Promise<void> {
  const holder = spawn('unshare', ['--user', '--', 'sh', '-c', 'echo made; cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  try {
    await once(holder.stdout, 'data');
    for (const map of ['uid_map', 'gid_map']) {
      writeFileSync(`/proc/${holder.pid}/${map}`, `0 ${FIRST_ID} ${IDS}\n`);
    }
    await follow(enter(profile, holder.pid ?? 0, program), onLine);
  } finally {
    holder.kill('SIGKILL');
  }
}

/** Where a file of the checkout is found in the namespace; see enter.sh. */
function inThere(file: string): string {
  const real = realpathSync(file);
  return real.startsWith(`${CHECKOUT}/`) ? `/srv${real.slice(CHECKOUT.length)}` : real;
}

function enter(profile: Profile, holder: number, program: string): ChildProcess {
  const args = [
    ...['-t', String(holder), '--user', '--setuid', '0', '--setgid', '0', '--'],
    ...['unshare', '--mount', '--pid', '--net', '--ipc', '--uts', '--fork', '--kill-child'],
    ...['--mount-proc', '--', '/bin/bash', path.join(import.meta.dirname, 'enter.sh')],
    ...[profile, METADATA, inThere(process.execPath)],
    ...['--conditions=lachesis-source', inThere(program)],
    ...[profile, JSON.stringify(namespacesOf('self'))],
  ];
  return spawn('nsenter', args, {
    cwd: '/',
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: MAX_MS,
    killSignal: 'SIGKILL',
    env: {
      PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin',
      HOME: profile === 'root' ? '/root/server' : '/home/server',
      HOST_SECRET,
      CHECKOUT,
    },
  });
}

async function follow(child: ChildProcess, onLine: (line: string) => void): Promise<void> {
  const ended = once(child, 'exit');
  let rest = '';
  for await (const chunk of child.stdout ?? []) {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  }
  const [code, signal] = await ended;
  if (code !== 0) throw new Error(`The namespace's worker ended with ${code ?? signal}.`);
}
