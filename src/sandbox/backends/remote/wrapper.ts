import type { SandboxProcess } from '../../contract/command.ts';
import { shellWord } from '../../exec/shell-word.ts';

export type KillSignal = Parameters<SandboxProcess['kill']>[0];

/**
 * No remote API tells a command and all that it started to end. So a command leads a process group of its own,
 * whose number is the first line of its standard error, and a second command tells that group. The shell around
 * it waits, since `setsid` does not where it already leads a group; that shell's words about a killed child are
 * nobody's, so the command takes its standard error back by itself.
 */
const INNER = 'exec 2>&3 3>&-; echo $$ >&2; exec "$@"';
const OUTER = `cd -- "$1" || exit 126; shift
while [ "$1" != -- ]; do export "$1"; shift; done; shift
exec 3>&2 2>/dev/null; setsid sh -c '${INNER}' sh "$@"; code=$?`;
const SCRIPTS = {
  none: `exec </dev/null; ${OUTER}; exit $code`,
  open: `${OUTER}; exit $code`,
  // What was sent and not read would cost the output too, where both are one connection.
  drained: `${OUTER}; [ $code -ge 128 ] || timeout 5 cat >/dev/null; exit $code`,
} as const;

/** Tells a process group; that it is not there any more is what was wanted. */
const TELL = 'kill -s "$1" -- "-$2" 2>/dev/null; exit 0';

export interface WrapOptions {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** `drained`: what it leaves of its input is read to the end, or for 5 s. */
  readonly input: keyof typeof SCRIPTS;
}

/** To be started anywhere: a missing directory is the command's own affair. Needs `sh` and `setsid` only. */
export function wrapCommand({ argv, cwd, env, input }: WrapOptions): string[] {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  return ['sh', '-c', SCRIPTS[input], 'sh', cwd, ...variables, '--', ...argv];
}

export function tellGroup(group: string, signal: KillSignal): string[] {
  return ['sh', '-c', TELL, 'sh', signal.slice(3), group];
}

/** A command line for APIs that take one text for a shell. */
export function shellText(argv: readonly string[]): string {
  return argv.map(shellWord).join(' ');
}
