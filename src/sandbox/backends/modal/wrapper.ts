import { invalidInput } from '../../../errors.ts';
import type { Command } from '../../contract/command.ts';

/** What Modal's client takes of arguments, in UTF-16 units. */
const MAX_ARGUMENT_UNITS = 65_536;

/**
 * Modal can end a sandbox, but not a command. So a command leads a process group of its own, whose number is
 * the first line of its standard error, and a second command can tell that group. The shell around it waits,
 * since `setsid` that already leads a group does not; its own words about a killed child are nobody's, so the
 * command takes its standard error back by itself.
 */
const INNER = 'exec 2>&3 3>&-; echo $$ >&2; exec "$@"';
const OUTER = `cd -- "$1" || exit 126; shift; exec 3>&2 2>/dev/null
setsid sh -c '${INNER}' sh "$@"; exit $?`;
const OUTER_NO_INPUT = `exec </dev/null; ${OUTER}`;

/** Tells a process group; that it is not there any more is what was wanted. */
const TELL = 'kill -s "$1" -- "-$2" 2>/dev/null; exit 0';

/** It is to be started in `/`: where it belongs it goes by itself, so that a missing place is its own affair. */
export function wrapCommand({ argv, stdin }: Command, cwd: string): string[] {
  const script = stdin === undefined ? OUTER_NO_INPUT : OUTER;
  const wrapped = ['sh', '-c', script, 'sh', cwd, ...argv];
  const units = wrapped.reduce((sum, argument) => sum + argument.length, 0);
  if (units > MAX_ARGUMENT_UNITS) {
    const most = MAX_ARGUMENT_UNITS - (units - argv.reduce((sum, { length }) => sum + length, 0));
    throw invalidInput('command.argv', `is too long for Modal; ${most} characters are allowed.`, {
      remedy: 'Give long text by `stdin`.',
    });
  }
  return wrapped;
}

export function tellGroup(group: string, signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL'): string[] {
  return ['sh', '-c', TELL, 'sh', signal.slice(3), group];
}
