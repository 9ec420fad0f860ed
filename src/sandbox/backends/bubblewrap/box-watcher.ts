import { readFileSync, statfsSync } from 'node:fs';
import type { Box } from './box.ts';
import { HOME } from './box-plan.ts';

const INTERVAL_MS = 100;
/** The least part of the time that is left to everything else. */
const IDLE_FACTOR = 20;
/** Of the kernel's memory, by which `statm` counts. */
const PAGE_BYTES = 4_096;

/**
 * Holds boxes to what no limit of a single process covers: the memory of all of them together, and the number
 * of files. A box that has too much is ended. Only boxes in which something runs cost anything.
 */
export class BoxWatcher {
  readonly #boxes = new Set<Box>();
  #timer: NodeJS.Timeout | undefined;

  add(box: Box): void {
    this.#boxes.add(box);
    if (this.#timer === undefined) this.#wait(INTERVAL_MS);
  }

  remove(box: Box): void {
    this.#boxes.delete(box);
    if (this.#boxes.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #wait(delayMs: number): void {
    this.#timer = setTimeout(() => {
      const began = performance.now();
      this.#look();
      if (this.#boxes.size === 0) return;
      this.#wait(Math.max(INTERVAL_MS, (performance.now() - began) * IDLE_FACTOR));
    }, delayMs).unref();
  }

  #look(): void {
    for (const box of this.#boxes) {
      if (!box.wasUsed) continue;
      const why = breachOf(box);
      // What is asked of the box next says why.
      if (why !== undefined) box.end(why).catch(() => {});
    }
  }
}

function breachOf(box: Box): string | undefined {
  const pids = box.processes();
  if (pids.length === 0 && box.running.size === 0) box.wasUsed = false;
  const limit = box.plan.memoryMiB * 1_048_576;
  // The cheap sum counts what they share, and files, with each of them; only above the limit the exact one is asked.
  if (sumOf(pids, residentBytes) > limit && sumOf(pids, ownBytes) > limit) {
    return `its processes held more than the ${box.plan.memoryMiB} MiB of memory allowed together`;
  }
  const files = filesOf(box);
  if (files > box.plan.files) return `it held ${files} files, of ${box.plan.files} allowed`;
  return undefined;
}

function sumOf(pids: readonly number[], bytes: (pid: number) => number): number {
  return pids.reduce((sum, pid) => sum + bytes(pid), 0);
}

function residentBytes(pid: number): number {
  try {
    const [, resident] = readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ');
    return Number(resident) * PAGE_BYTES;
  } catch {
    return 0;
  }
}

/** Its part of the memory that is no file's; what several share is parted between them. */
function ownBytes(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    const found = text.matchAll(/^Pss_(?:Anon|Shmem):\s+(\d+) kB/gm);
    return [...found].reduce((sum, [, kibibytes]) => sum + Number(kibibytes) * 1_024, 0);
  } catch {
    return 0;
  }
}

function filesOf({ initPid, plan }: Box): number {
  return [...new Set(['/tmp', HOME, plan.workdir, ...plan.writable])].reduce((sum, place) => {
    try {
      const { files, ffree } = statfsSync(`/proc/${initPid}/root${place}`);
      return sum + files - ffree;
    } catch {
      return sum;
    }
  }, 0);
}
