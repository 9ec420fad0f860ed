import { readFileSync } from 'node:fs';

/** What Linux says of a process. */
export interface ProcessStat {
  /** It has ended, and its parent has not asked for its code yet. */
  readonly isZombie: boolean;
  /** Clock ticks from the machine's start to the process's own: another for each process of one number. */
  readonly startTicks: number;
}

/** Undefined where there is no /proc, and for a process that is not there. */
export function processStat(pid: number): ProcessStat | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return undefined;
  }
}

/** See proc_pid_stat(5). The name may hold blanks and brackets, so it is counted from the last one. */
export function parseStat(text: string): ProcessStat | undefined {
  const fields = text
    .slice(text.lastIndexOf(')') + 1)
    .trim()
    .split(' ');
  const [state = ''] = fields;
  const startTicks = Number(fields[19] ?? Number.NaN);
  if (!Number.isFinite(startTicks)) return undefined;
  return { isZombie: ['Z', 'X', 'x'].includes(state), startTicks };
}
