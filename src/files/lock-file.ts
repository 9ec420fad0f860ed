import { randomUUID } from 'node:crypto';
import { linkSync, lstatSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { errorMessage, LachesisError } from '../errors.ts';
import { processStat } from './process-stat.ts';

/** What a lock file says of the process that holds it. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  /** When the process began, in milliseconds since the Unix epoch. */
  readonly startedMs: number;
  /** See {@link ProcessStat}; only where there is one. */
  readonly startTicks?: number;
}

/** Between the making of the file and its text there is a moment. */
const WRITING_MS = 100;
const MAX_TRIES = 10;

/**
 * A file whose being there says that a process of this or another machine uses something. One whose
 * process is gone from this machine is taken over; of another machine's, nothing can be known.
 */
export class LockFile implements Disposable {
  readonly #file: string;
  readonly #text: string;

  private constructor(file: string, text: string) {
    this.#file = file;
    this.#text = text;
  }

  /** Throws failed_precondition LOCKED while another holds it; `subject` begins the message. */
  static async take(file: string, subject: string): Promise<LockFile> {
    const text = `${JSON.stringify({ ...ownProcess(), id: randomUUID() })}\n`;
    for (let tries = 1; tries <= MAX_TRIES; tries++) {
      if (make(file, text)) return new LockFile(file, text);
      const found = textOf(file);
      if (found === undefined) continue;
      const holder = holderOf(found);
      if (holder !== undefined && mayBeAlive(holder)) throw inUse(subject, file, holder);
      if (holder === undefined && tries === 1) await wait(WRITING_MS);
      else takeAway(file, found);
    }
    throw inUse(subject, file, undefined);
  }

  /** Removes the file, if it is still this one: somebody may have removed it by hand. */
  [Symbol.dispose](): void {
    try {
      if (textOf(this.#file) === this.#text) rmSync(this.#file);
    } catch {
      // Whoever comes next finds that its process is gone.
    }
  }
}

function ownProcess(): Holder {
  const startTicks = processStat(process.pid)?.startTicks;
  return {
    pid: process.pid,
    host: hostname(),
    startedMs: Math.round(performance.timeOrigin),
    ...(startTicks === undefined ? {} : { startTicks }),
  };
}

/** False when there is such a file. */
function make(file: string, text: string): boolean {
  try {
    writeFileSync(file, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Undefined when there is no such file. */
function textOf(file: string): string | undefined {
  try {
    const stats = lstatSync(file);
    // Reading a pipe would wait for ever, and what a link leads to is not what was made.
    if (!stats.isFile()) throw noLockFile(file, stats.isDirectory() ? 'is a folder' : 'is no file');
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof LachesisError) throw error;
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw noLockFile(file, `can't be read: ${errorMessage(error)}`, error);
  }
}

function noLockFile(file: string, problem: string, cause?: unknown): LachesisError {
  const message = `${file} stands where a lock file belongs, and ${problem}.`;
  const remedy = 'Move it away.';
  return new LachesisError('failed_precondition', message, { reason: 'LOCK_FILE', remedy, cause });
}

/** Undefined for what no process of ours wrote, or not to its end. */
function holderOf(text: string): Holder | undefined {
  try {
    const { pid, host, startedMs, startTicks } = JSON.parse(text) as Partial<Holder>;
    if (Number.isSafeInteger(pid) && Number(pid) > 0 && typeof host === 'string') {
      const holder = { pid: Number(pid), host, startedMs: Number(startedMs) };
      return typeof startTicks === 'number' ? { ...holder, startTicks } : holder;
    }
  } catch {
    // Said below.
  }
  return undefined;
}

function mayBeAlive({ pid, host, startedMs, startTicks }: Holder): boolean {
  const own = ownProcess();
  if (host !== own.host) return true;
  // A container that starts again gives its processes the numbers that they had before.
  if (pid === own.pid) return startedMs === own.startedMs;
  const stat = processStat(pid);
  // Neither one that has ended nor another that was given its number holds anything.
  if (stat?.isZombie === true) return false;
  if (stat !== undefined && startTicks !== undefined && stat.startTicks !== startTicks)
    return false;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** Moved before it is removed: between reading and now, another may have put its own in its place. */
function takeAway(file: string, stale: string): void {
  const aside = `${file}.${randomUUID()}.stale`;
  try {
    renameSync(file, aside);
    if (textOf(aside) !== stale) linkSync(aside, file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'EEXIST') throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

function inUse(subject: string, file: string, holder: Holder | undefined): LachesisError {
  const who =
    holder === undefined
      ? 'another process'
      : `process ${holder.pid} of the machine ${holder.host}`;
  return new LachesisError('failed_precondition', `${subject} is in use by ${who}.`, {
    reason: 'LOCKED',
    remedy: `Give each its own path, or end that process first; if it has ended already, remove ${file}.`,
  });
}
