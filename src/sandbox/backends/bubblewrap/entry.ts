import { type ChildProcess, spawn } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { invalidInput } from '../../../errors.ts';
import { sandboxFault } from '../../contract/faults.ts';
import type { CommandPipes } from '../local/command-pipes.ts';
import { commandScript, type ProcessLimitFlag } from '../local/command-script.ts';
import type { BoxPlan } from './box-plan.ts';
import type { HostTools } from './host-tools.ts';

const NAMESPACE_FLAGS = {
  mnt: '-m',
  pid: '-p',
  net: '-n',
  ipc: '-i',
  uts: '-u',
  cgroup: '-C',
} as const;

/** Starts the program that enters the box. */
export function startChild(
  program: string,
  args: readonly string[],
  pipes: CommandPipes,
  identity: { readonly uid: number; readonly gid: number } | undefined,
): ChildProcess {
  try {
    return spawn(program, args, {
      // What is to be set is set inside: a variable such as LD_PRELOAD would be heeded by nsenter on the host.
      env: {},
      cwd: '/',
      detached: true,
      stdio: [...pipes.childEnds],
      ...identity,
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'E2BIG')
      throw sandboxFault('No command could be started', error);
    throw invalidInput('command.env', 'is too long together with `command.argv`.', {
      remedy: 'Give long text by `stdin`.',
    });
  }
}

/** Everything of a command line but the directory, the variables and the command. */
export function entryArguments(
  { setpriv, nsenter }: HostTools,
  initPid: number,
  { limits }: BoxPlan,
  flag: ProcessLimitFlag,
): readonly string[] {
  const namespaces = Object.entries(NAMESPACE_FLAGS)
    // One that it shares with us, as the network when that is open, can't be entered and need not be.
    .filter(([name]) => namespaceOf(initPid, name) !== namespaceOf('self', name))
    .map(([, letter]) => letter);
  return [
    // It may have stopped with its command (see Box.collect), and without us nobody else wakes it.
    ...[setpriv, '--no-new-privs', '--pdeathsig', 'CONT'],
    ...[nsenter, '-t', String(initPid), '-U', ...namespaces],
    ...['--preserve-credentials', '--', '/bin/sh', '-c', commandScript(limits, flag)],
  ];
}

export function flagOf(greeting: string): ProcessLimitFlag {
  return greeting.trim() === 'ready u' ? 'u' : 'p';
}

/** Empty when it is gone, or the kernel has none of this kind. */
export function namespaceOf(pid: number | 'self', name: string): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/${name}`);
  } catch {
    return '';
  }
}
