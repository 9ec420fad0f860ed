import { readFileSync, statfsSync } from 'node:fs';
import { sendSignal } from '../local/process-table.ts';
import type { Box } from './box.ts';
import { HOME } from './box-plan.ts';

const INTERVAL_MS = 100;
/** The least part of the time that is left to everything else. */
const IDLE_FACTOR = 20;
/** Of the kernel's memory, by which `statm` counts. */
const PAGE_BYTES = 4_096;
/** What is above its memory however often its largest are ended makes new ones faster than we can look. */
const MOST_BREACHES = 8;
/** Of a breach, by each look that finds none. */
const FORGIVEN = 0.1;

/**
 * Holds boxes to what no limit of a single process covers: the memory of all of them together, and the number
 * of files. Above the memory the largest processes are ended, as a kernel does that runs out of it; a box with
 * too many files is ended. Commands that ended while stopped are collected. Only boxes in which something runs cost anything.
 */
export class BoxWatcher {
  /** With how often, of late, they had too much memory. */
  readonly #boxes = new Map<Box, number>();
  #timer: NodeJS.Timeout | undefined;

  add(box: Box): void {
    this.#boxes.set(box, 0);
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
    for (const [box, breaches] of this.#boxes) {
      if (!box.wasUsed) continue;
      box.collect();
      const pids = box.processes();
      if (pids.length === 0 && box.running.size === 0) box.wasUsed = false;
      const isTooLarge = endLargest(pids, box.plan.memoryMiB * 1_048_576);
      this.#boxes.set(box, isTooLarge ? breaches + 1 : Math.max(0, breaches - FORGIVEN));
      const why = breaches >= MOST_BREACHES ? memoryBreach(box) : filesBreach(box);
      // What is asked of the box next says why.
      if (why !== undefined) box.end(why, 'breach').catch(() => {});
    }
  }
}

/** Ends the largest until the rest has no more than the limit. False when they have no more anyway. */
function endLargest(pids: readonly number[], limit: number): boolean {
  // The cheap sum counts what they share, and files, with each of them; only above the limit the exact one is asked.
  if (pids.reduce((sum, pid) => sum + residentBytes(pid), 0) <= limit) return false;
  const sized = pids.map((pid) => ({ pid, bytes: ownBytes(pid) }));
  let sum = sized.reduce((all, { bytes }) => all + bytes, 0);
  if (sum <= limit) return false;
  for (const { pid, bytes } of sized.sort((a, b) => b.bytes - a.bytes)) {
    if (sum <= limit) break;
    sendSignal(pid, 'SIGKILL');
    sum -= bytes;
  }
  return true;
}

function memoryBreach({ plan }: Box): string {
  return `its processes held more than the ${plan.memoryMiB} MiB of memory allowed together, again and again`;
}

function filesBreach(box: Box): string | undefined {
  const files = filesOf(box);
  return files > box.plan.files
    ? `it held ${files} files, of ${box.plan.files} allowed`
    : undefined;
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
