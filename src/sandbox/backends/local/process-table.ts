import { existsSync, readdirSync, readFileSync } from 'node:fs';

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
  // Where the kernel keeps no lists of children, all processes are looked at.
  const hasLists = existsSync(`/proc/${process.pid}/task/${process.pid}/children`);
  return gather(roots, hasLists ? childrenOf : childrenByScan());
}

function gather(
  roots: readonly number[],
  childrenOfOne: (pid: number) => readonly number[],
): readonly number[] {
  const found: number[] = [];
  const seen = new Set(roots);
  const open = [...roots];
  for (let pid = open.pop(); pid !== undefined; pid = open.pop()) {
    for (const child of childrenOfOne(pid)) {
      if (seen.has(child)) continue;
      seen.add(child);
      found.push(child);
      open.push(child);
    }
  }
  return found;
}

/** The same from every process's own word on its parent: dearer, and needs nothing of the kernel. */
export function childrenByScan(): (pid: number) => readonly number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    const facts = /^\d+$/.test(name) ? processFacts(Number(name)) : undefined;
    if (facts === undefined) continue;
    const siblings = children.get(facts.parent) ?? [];
    children.set(facts.parent, siblings);
    siblings.push(facts.pid);
  }
  return (pid) => children.get(pid) ?? [];
}

export function childrenOf(pid: number): readonly number[] {
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
