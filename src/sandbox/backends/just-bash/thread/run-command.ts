import { shellWord } from '../../../exec/shell-word.ts';
import { readShellCall, SIMULATED_SHELL } from '../../../shell/simulated-shell.ts';
import type { RunRequest } from '../messages.ts';
import { interpret } from './interpret.ts';
import { runShellCall } from './run-shell-call.ts';
import { isFolder, type Running } from './running.ts';
import { statementsOf } from './script.ts';

const SHELLS = new Set(['sh', 'bash', '/bin/sh', '/bin/bash', '/usr/bin/bash', '/usr/bin/sh']);

/** Runs one command; resolves with its exit code. */
export async function runCommand(request: RunRequest, running: Running): Promise<number> {
  const { argv, cwd, stdin } = request;
  const env = { ...running.baseEnv, ...request.env };
  if (!(await isFolder(running.files, cwd))) {
    await running.sink.write('stderr', Buffer.from(`sh: cd: ${cwd}: No such file or directory\n`));
    return 126;
  }
  if (argv[0] === SIMULATED_SHELL) {
    const call = readShellCall(stdin);
    if (call === undefined) return 126;
    return await runShellCall(call, { ...running, env });
  }
  const { script, args } = scriptOf(argv);
  const { code } = await interpret({
    ...running,
    script,
    cwd,
    env,
    stdin,
    merged: false,
    before: args.length === 0 ? [] : statementsOf(`set -- ${args.map(shellWord).join(' ')}`),
  });
  return code;
}

/** A shell's script is run as it is, so that what it says comes as it goes; all else as one command of it. */
function scriptOf([program, ...words]: RunRequest['argv']): {
  readonly script: string;
  readonly args: readonly string[];
} {
  const flags = words.findIndex((word) => !['--noprofile', '--norc'].includes(word));
  const script = words[flags + 1];
  if (SHELLS.has(program) && words[flags] === '-c' && script !== undefined) {
    return { script, args: words.slice(flags + 3) };
  }
  return { script: [program, ...words].map(shellWord).join(' '), args: [] };
}
