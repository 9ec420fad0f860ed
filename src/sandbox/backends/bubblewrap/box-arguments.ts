import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { type BoxPlan, HOME } from './box-plan.ts';

/** Where a box's files that exist nowhere are read from: descriptors of bwrap, and what to write there. */
export interface BoxCommand {
  readonly args: readonly string[];
  /** The content of descriptors 4, 5, ... of bwrap. */
  readonly files: readonly string[];
}

const DEVICES = ['null', 'zero', 'full', 'random', 'urandom'];
const FIRST_FILE_FD = 4;
/** Never taken from a root file system: the box has its own. */
const OWN = new Set(['proc', 'sys', 'dev', 'tmp', 'home', 'run', 'boot']);
/** What programs of the host's `/usr` need of its `/etc`, and nothing that tells who is on it. */
const HOST_ETC = [
  '/etc/ld.so.cache',
  '/etc/ld.so.conf',
  '/etc/ld.so.conf.d',
  '/etc/alternatives',
  '/etc/ssl/certs',
  '/etc/pki',
  '/etc/ca-certificates',
  '/etc/localtime',
  '/etc/mime.types',
  '/etc/python3',
  '/etc/perl',
];

/** The arguments by which bwrap makes the box, and `script` its first process. */
export function boxCommand(plan: BoxPlan, script: string): BoxCommand {
  const files: string[] = [];
  const data = (target: string, content: string): string[] => {
    files.push(content);
    return ['--perms', '0444', '--ro-bind-data', String(FIRST_FILE_FD + files.length - 1), target];
  };
  const args = [
    ...['--unshare-all', '--unshare-user', '--die-with-parent', '--new-session', '--clearenv'],
    ...(plan.network === 'open' ? ['--share-net'] : []),
    ...rootArguments(plan),
    ...accountFiles(plan).flatMap(([target, content]) => data(target, content)),
    ...['--proc', '/proc', '--perms', '0755', '--tmpfs', '/dev'],
    ...DEVICES.flatMap((name) => ['--dev-bind', `/dev/${name}`, `/dev/${name}`]),
    ...['--symlink', '/proc/self/fd', '/dev/fd', '--symlink', '/tmp', '/dev/shm'],
    ...['stdin', 'stdout', 'stderr'].flatMap((name, fd) => [
      ...['--symlink', `/proc/self/fd/${fd}`, `/dev/${name}`],
    ]),
    ...places(plan),
    ...['--hostname', 'sandbox', '--chdir', '/', '--remount-ro', '/dev', '--remount-ro', '/'],
    ...['--info-fd', '3', '--', '/bin/sh', '-c', script],
  ];
  return { args, files };
}

/**
 * All that can be written to, in memory and of bounded size, so that nothing of it is on the host at any time;
 * and the folders that are shown.
 */
function places({ readOnlyPaths, workdir, diskMiB, temporaryMiB, ...plan }: BoxPlan): string[] {
  const writable = (target: string, mib: number, mode: string) => [
    ...['--perms', mode, '--size', String(Math.ceil(mib * 1_048_576)), '--tmpfs', target],
  ];
  const all = new Map<string, readonly string[]>([
    ...readOnlyPaths.map((each) => [each, ['--ro-bind', each, each]] as const),
    ...plan.writable.map((each) => [each, writable(each, diskMiB, '0755')] as const),
    ['/tmp', writable('/tmp', temporaryMiB, '1777')],
    [HOME, writable(HOME, temporaryMiB, '0755')],
    [workdir, writable(workdir, diskMiB, workdir === '/tmp' ? '1777' : '0755')],
  ]);
  // The outer ones first, so that none hides another.
  return [...all].sort(([a], [b]) => a.length - b.length).flatMap(([, args]) => args);
}

function rootArguments({ rootfs, network }: BoxPlan): string[] {
  const top = readdirSync(rootfs ?? '/');
  const names = rootfs === undefined ? top.filter((name) => /^(usr|s?bin|lib.*)$/.test(name)) : top;
  const shown = names
    .filter((name) => !OWN.has(name))
    .flatMap((name) => {
      const source = path.join(rootfs ?? '/', name);
      return lstatSync(source).isSymbolicLink()
        ? ['--symlink', readlinkSync(source), `/${name}`]
        : ['--ro-bind', source, `/${name}`];
    });
  const etc = [...HOST_ETC, ...(network === 'open' ? ['/etc/resolv.conf'] : [])];
  if (rootfs === undefined) return [...shown, ...etc.flatMap((each) => tryBind(each))];
  return network === 'open' ? [...shown, ...tryBind('/etc/resolv.conf')] : shown;
}

function tryBind(source: string): string[] {
  return ['--ro-bind-try', source, source];
}

/** Who runs in there, by name; a root file system keeps its own names beside it. */
function accountFiles({ rootfs, uid, gid }: BoxPlan): readonly (readonly [string, string])[] {
  const of = (file: string, line: string, fallback: string) =>
    [
      file,
      `${line}\n${rootfs === undefined ? fallback : (readIfThere(rootfs, file) ?? '')}`,
    ] as const;
  const nobody = 'nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n';
  const all = [
    of('/etc/passwd', `agent:x:${uid}:${gid}::${HOME}:/bin/sh`, nobody),
    of('/etc/group', `agent:x:${gid}:`, 'nogroup:x:65534:\n'),
    of('/etc/hosts', '127.0.0.1 localhost sandbox\n::1 localhost', ''),
    of('/etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns', ''),
  ];
  // A read-only folder can only have files laid over its own.
  return rootfs === undefined
    ? all
    : all.filter(([file]) => readIfThere(rootfs, file) !== undefined);
}

function readIfThere(rootfs: string, file: string): string | undefined {
  try {
    const real = path.join(rootfs, file);
    return lstatSync(real).isFile() ? readFileSync(real, 'utf8') : undefined;
  } catch {
    return undefined;
  }
}
