// elsewhere.ts
import { type ConnectOptions, connect } from 'lachesis/client';

/** Runs a script in a sandbox of a server; without options, of this user's newest on this machine. */
export async function runElsewhere(script: string, options: ConnectOptions = {}) {
  await using client = await connect(options);
  // Given back at the end, whatever happens.
  await using sandbox = await client.sandboxes.acquire();
  const decoder = new TextDecoder();
  let stdout = '';
  for await (const event of sandbox.exec(['bash', '-c', script], { commandTimeoutMs: 10_000 })) {
    if (event.kind === 'stdout') stdout += decoder.decode(event.bytes, { stream: true });
    if (event.kind === 'exit') return { stdout, exitCode: event.exitCode };
  }
  throw new Error('The command did not end.');
}
