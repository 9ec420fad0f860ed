import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { isAlive, sendSignal } from '../local/process-table.ts';

/** In the environment of all that runs in a sandbox, so that a daemon which left its group is found too. */
export const MARKER = 'LACHESIS_SANDBOX';

const ROUNDS = 50;
const PAUSE_MS = 20;

/**
 * Ends every process that carries the sandbox's mark or stands in its folder, until none is left. Resolves with
 * those that outlived it. One that cleared its environment and went elsewhere is not found.
 */
export async function endMarked(id: string, root: string): Promise<readonly number[]> {
  let left: readonly number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    left = marked(id, root);
    if (left.length === 0) return left;
    for (const pid of left) sendSignal(pid, 'SIGKILL');
    await pause(PAUSE_MS);
  }
  return left;
}

function marked(id: string, root: string): readonly number[] {
  return pids().filter((pid) => pid !== process.pid && belongs(pid, id, root) && isAlive(pid));
}

function pids(): readonly number[] {
  try {
    return readdirSync('/proc')
      .map(Number)
      .filter((pid) => pid > 1);
  } catch {
    // A system without /proc has its groups only.
    return [];
  }
}

function belongs(pid: number, id: string, root: string): boolean {
  try {
    const entry = `${MARKER}=${id}`;
    if (readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(entry)) return true;
    const cwd = readlinkSync(`/proc/${pid}/cwd`);
    return cwd === root || cwd.startsWith(`${root}/`);
  } catch {
    // Somebody else's, or gone.
    return false;
  }
}
