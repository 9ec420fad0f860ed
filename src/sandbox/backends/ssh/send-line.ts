import type { ClientChannel } from 'ssh2';

/** What fits into one message of every server, and one argument of the account's shell, quoted as it is. */
const MAX_LINE_BYTES = 8_192;

/** The variables in which sshd tells a command where we are. */
const QUIET = 'unset SSH_CLIENT SSH_CONNECTION SSH_TTY; exec';

/** A line for the account's shell, and what its input has to begin with. */
export interface SentLine {
  readonly line: string;
  readonly input: Buffer | undefined;
}

/** A long line goes ahead of the command's own input, of which not a byte more is taken. */
export function sentLine(text: string): SentLine {
  const line = `${QUIET} ${text}`;
  const bytes = Buffer.from(line);
  if (bytes.length <= MAX_LINE_BYTES) return { line, input: undefined };
  return { line: `exec sh -c 'eval "$(head -c "$1")"' sh ${bytes.length}`, input: bytes };
}

export function sendInput(channel: ClientChannel, { input }: SentLine): void {
  if (input !== undefined) channel.write(input);
}
