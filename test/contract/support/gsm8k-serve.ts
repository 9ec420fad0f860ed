import { spawn } from 'node:child_process';
import path from 'node:path';
import { root } from '../../../scripts/generate.ts';
import { GSM8K_FILE } from './gsm8k-rows.ts';

/** `lachesis serve` in a process of its own, begun and ended as a user does. */
export interface ServeProcess extends AsyncDisposable {
  readonly address: string;
  /** SIGTERM; resolves when the process has ended. */
  stop(): Promise<{
    readonly code: number | null;
    readonly stdout: string;
    readonly stderr: string;
  }>;
}

const START_MS = 20_000;

/** Starts it over the real rows; rejects with what it printed when it does not come to listen. */
export async function serveGsm8k(args: readonly string[]): Promise<ServeProcess> {
  const serve = [
    'serve',
    'examples/environments/gsm8k.ts',
    '--data',
    GSM8K_FILE,
    '--store',
    'none',
    ...args,
  ];
  const child = spawn(
    process.execPath,
    [path.join('scripts', 'run.mjs'), path.join('src', 'cli', 'run.ts'), ...serve],
    { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let [stdout, stderr] = ['', ''];
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const address = await new Promise<string>((resolve, reject) => {
    const fail = () => reject(new Error(`serve does not listen: ${stdout}${stderr}`));
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      fail();
    }, START_MS);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      const url = /^listening on (\S+)$/m.exec(stdout)?.[1];
      if (url === undefined) return;
      clearTimeout(timer);
      resolve(url);
    });
    void ended.then(() => {
      clearTimeout(timer);
      fail();
    });
  });
  const stop = async () => {
    child.kill('SIGTERM');
    const code = await ended;
    return { code, stdout, stderr };
  };
  return { address, stop, [Symbol.asyncDispose]: async () => void (await stop()) };
}
