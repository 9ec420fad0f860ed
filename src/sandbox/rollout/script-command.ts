import type { Command } from '../contract/command.ts';
import { checkScript } from '../shell/create-shell.ts';

/** What goes in the arguments of every backend; longer ones go by the input. */
const MAX_ARGUMENT_BYTES = 32_768;
const READ_AND_RUN = `IFS= read -r -d '' script; exec </dev/null; eval -- "$script"`;

/** A script as a command: in a bash of its own, which reads nothing. */
export function scriptCommand(script: string): Command {
  checkScript(script);
  const bash = ['bash', '--noprofile', '--norc', '-c'] as const;
  return Buffer.byteLength(script) <= MAX_ARGUMENT_BYTES
    ? { argv: [...bash, script] }
    : { argv: [...bash, READ_AND_RUN, 'bash'], stdin: Buffer.from(`${script}\0`) };
}
