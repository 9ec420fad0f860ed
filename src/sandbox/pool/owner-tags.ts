import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { processStat } from '../../files/index.ts';

/** All sandboxes of pools bear it. */
export const POOL_TAG = 'lachesis-pool';
export const KEY_TAG = 'lachesis-key';
/** `PLACE.PID.TICKS`: where process numbers mean the same, the process, and when it began. */
export const OWNER_TAG = 'lachesis-owner';
/** For people only: names of machines are not unique. */
export const HOST_TAG = 'lachesis-host';
/** Milliseconds since the Unix epoch, after which no lease of it can be out. */
export const DEADLINE_TAG = 'lachesis-deadline';

const MAX_PID = 2 ** 31 - 1;

/** What tells whose a sandbox of this process is, and until when at most. */
export function ownerTags(lifetimeMs: number, nowMs = Date.now()): Record<string, string> {
  const tags = { [POOL_TAG]: '1', [OWNER_TAG]: ownOwner(), [HOST_TAG]: hostname() };
  if (lifetimeMs === Infinity) return tags;
  return { ...tags, [DEADLINE_TAG]: String(Math.round(nowMs + lifetimeMs)) };
}

export function ownOwner(): string {
  return `${ownPlace()}.${process.pid}.${processStat(process.pid)?.startTicks ?? 0}`;
}

/**
 * `dead` only where that is known: a process of another machine, of another start of this one or of another
 * PID namespace can't be seen from here, and may live.
 */
export function ownerState(owner: string): 'dead' | 'alive' | 'unknown' {
  const [place, pidText = '', ticksText = ''] = owner.split('.');
  const [pid, ticks] = [Number(pidText), Number(ticksText)];
  if (place !== ownPlace() || !/^\d+$/.test(pidText) || pid === 0) return 'unknown';
  if (pid > MAX_PID || !/^\d+$/.test(ticksText)) return 'unknown';
  const stat = processStat(pid);
  if (stat !== undefined) {
    // Another process has been given its number since.
    if (ticks !== 0 && stat.startTicks !== ticks) return 'dead';
    return stat.isZombie ? 'dead' : 'alive';
  }
  try {
    process.kill(pid, 0);
    return 'alive';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH' ? 'dead' : 'alive';
  }
}

/** Where a process number means the same process: this start of this machine, and this PID namespace of it. */
function ownPlace(): string {
  const parts = [
    hostname(),
    known(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')),
    known(() => readlinkSync('/proc/self/ns/pid')),
  ];
  return createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 16);
}

/** Empty where there is no /proc. */
function known(read: () => string): string {
  try {
    return read().trim();
  } catch {
    return '';
  }
}
