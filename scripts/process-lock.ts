import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A lock between processes of one machine; given back when disposed of. */
export interface ProcessLock extends Disposable {
  readonly file: string;
}

/**
 * Waits for a lock file and takes it. One whose process is gone is taken over. Rejects after
 * `timeoutMs`, naming the file.
 */
export async function takeLock(
  file: string,
  options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
): Promise<ProcessLock> {
  const giveUpAt = performance.now() + options.timeoutMs;
  mkdirSync(path.dirname(file), { recursive: true });
  while (!tryLock(file)) {
    if (performance.now() > giveUpAt) throw new Error(`${file} is held by another process.`);
    if (!isHeld(file)) rmSync(file, { force: true });
    await sleep(100, undefined, options.signal === undefined ? {} : { signal: options.signal });
  }
  return { file, [Symbol.dispose]: () => rmSync(file, { force: true }) };
}

function tryLock(file: string): boolean {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw thrown;
  }
}

function isHeld(file: string): boolean {
  try {
    const pid = Number(readFileSync(file, 'utf8'));
    // Created and not yet written: its process is alive.
    if (pid === 0) return true;
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'EPERM';
  }
}
