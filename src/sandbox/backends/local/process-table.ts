import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessFacts {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly state: string;
}

/** Undefined when it is gone. */
export function processFacts(pid: number): ProcessFacts | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Its name stands in brackets and may hold anything.
    const [state = '', parent, group] = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { pid, parent: Number(parent), group: Number(group), state };
  } catch {
    return undefined;
  }
}

/** Whether it runs still; one that ended and was not yet waited for does not. */
export function isAlive(pid: number): boolean {
  const state = processFacts(pid)?.state;
  return state !== undefined && state !== 'Z' && state !== 'X';
}

/** All that descend from these, without them. */
export function descendants(roots: readonly number[]): readonly number[] {
  const found: number[] = [];
  const seen = new Set(roots);
  const open = [...roots];
  for (let pid = open.pop(); pid !== undefined; pid = open.pop()) {
    for (const child of childrenOf(pid)) {
      if (seen.has(child)) continue;
      seen.add(child);
      found.push(child);
      open.push(child);
    }
  }
  return found;
}

function childrenOf(pid: number): readonly number[] {
  let threads: string[];
  try {
    threads = readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
  return threads.flatMap((thread) => {
    try {
      const text = readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8');
      return text.split(' ').filter(Boolean).map(Number);
    } catch {
      return [];
    }
  });
}

/** To a process, or to the group of a negative number; one that ended takes no notice. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended by itself.
  }
}
