/** Of one command, as far as the kernel counts it by process (and `processes` by user namespace). */
export interface ProcessLimits {
  readonly processes?: number;
  /** Writable memory of its own that a process may map. */
  readonly dataMiB?: number;
  readonly addressSpaceMiB?: number;
  readonly fileMiB?: number;
  readonly openFiles?: number;
}

/** How the shell in there names the limit of processes: dash says `-p`, bash `-u`. */
export type ProcessLimitFlag = 'u' | 'p';

/**
 * The fixed text that every command is started by: it sets the limits, marks on descriptor 3 that it began,
 * goes to the directory, takes the variables, and becomes the command. It needs nothing but a POSIX sh.
 */
export function commandScript(limits: ProcessLimits, flag: ProcessLimitFlag): string {
  const kibibytes = (mib: number | undefined) => (mib === undefined ? undefined : mib * 1_024);
  const blocks = limits.fileMiB === undefined ? undefined : limits.fileMiB * 2_048;
  const set = [
    ['c', 0],
    [flag, limits.processes],
    ['d', kibibytes(limits.dataMiB)],
    ['v', kibibytes(limits.addressSpaceMiB)],
    ['f', blocks],
    ['n', limits.openFiles],
  ] as const;
  return [
    // One that can't be raised to this is lower already.
    ...set
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `ulimit -${name} ${Math.ceil(Number(value))} 2>/dev/null`),
    // Where the host runs out of memory it is these that should go.
    'echo 1000 2>/dev/null >/proc/self/oom_score_adj',
    'echo >&3; exec 3>&-',
    'cd -- "$1" || exit 126',
    'shift; while [ "$1" != -- ]; do export "$1"; shift; done; shift; exec "$@"',
  ].join('\n');
}

/** What follows the script: its own name, where to go, the variables, and the command. */
export function commandArguments(
  cwd: string,
  env: Readonly<Record<string, string>>,
  argv: readonly string[],
): readonly string[] {
  return [
    'sh',
    cwd,
    ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
    '--',
    ...argv,
  ];
}
