import type { ClientChannel } from 'ssh2';
import type { SshConnection } from './connection.ts';
import { sendInput, sentLine } from './send-line.ts';

const MAX_OUTPUT_BYTES = 64 * 1_048_576;

export interface LineResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one of our own scripts to its end. Rejects where the connection is lost meanwhile. */
export async function runLine(connection: SshConnection, text: string): Promise<LineResult> {
  const sent = sentLine(text);
  const session = await connection.exec(sent.line);
  const { channel } = session;
  sendInput(channel, sent);
  channel.end();
  const output = { stdout: '', stderr: '' };
  collect(channel, (said) => {
    output.stdout += said;
  });
  collect(channel.stderr, (said) => {
    output.stderr = `${output.stderr}${said}`.slice(-4_096);
  });
  await new Promise<void>((resolve) => {
    channel.once('close', resolve);
    void connection.ended.then(() => resolve());
  });
  const code = session.exitCode();
  if (code === undefined)
    throw connection.isLost ? await connection.ended : new Error('it had no end');
  return { code, ...output };

  function collect(stream: ClientChannel['stderr'], take: (text: string) => void): void {
    let bytes = 0;
    stream.setEncoding('utf8');
    stream.on('data', (said: string) => {
      bytes += said.length;
      if (bytes <= MAX_OUTPUT_BYTES) take(said);
    });
  }
}
