import { execFile } from 'node:child_process';

const TIMEOUT_MS = 30_000;

/** Runs a small program of the host to its end; rejects with what it said when it failed. */
export function runProgram(program: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile(program, [...args], { timeout: TIMEOUT_MS, killSignal: 'SIGKILL' }, (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
}
