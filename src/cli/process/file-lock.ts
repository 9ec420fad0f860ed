import { mkdirSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { errorMessage, invalidInput, LachesisError } from '../../errors.ts';

/** Who has a file to itself, as the lock beside it says. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  /** When it began, in ms since 1970: a container that is started again has its old pid. */
  readonly started: number;
}

/** A lock without its holder, after this, is what somebody left who was killed while writing it. */
const MAX_BLANK_MS = 2_000;
/** Each is given up only to somebody else who took the stale lock first. */
const MAX_TRIES = 10;

/**
 * Has a file to itself until disposed of, by a `FILE.lock` beside it: two processes that append to
 * one file would play the same rows, and cut off each other's unfinished line. Throws a
 * failed_precondition that names the process that has it; a lock whose process is gone is taken over.
 */
export function lockFile(file: string, option = '--out'): Disposable {
  const lock = `${realPathOf(file)}.lock`;
  const self: Holder = {
    pid: process.pid,
    host: hostname(),
    started: Math.round(performance.timeOrigin),
  };
  const text = `${JSON.stringify(self)}\n`;
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    if (create(lock, text, option)) {
      return { [Symbol.dispose]: () => removeIf(lock, (found) => found === text) };
    }
    const found = readIfThere(lock);
    if (found === undefined) continue;
    const holder = holderOf(found);
    if (!isGone(lock, holder, self)) throw isLocked(file, lock, holder);
    removeIf(lock, (now) => now === found);
  }
  throw isLocked(file, lock, holderOf(readIfThere(lock) ?? ''));
}

/** Of what a link leads to, so that two names of one file have one lock. */
function realPathOf(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return path.resolve(file);
  }
}

function create(lock: string, text: string, option: string): boolean {
  try {
    mkdirSync(path.dirname(lock), { recursive: true });
  } catch (error) {
    throw unwritable(option, error);
  }
  try {
    writeFileSync(lock, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw unwritable(option, error);
  }
}

function unwritable(option: string, error: unknown): LachesisError {
  return invalidInput(option, `can't be written: ${errorMessage(error)}.`, {
    remedy: 'Give the path of a file in a folder that can be written to.',
    cause: error,
  });
}

function readIfThere(lock: string): string | undefined {
  try {
    return readFileSync(lock, 'utf8');
  } catch {
    return undefined;
  }
}

function removeIf(lock: string, isIt: (text: string) => boolean): void {
  const text = readIfThere(lock);
  if (text !== undefined && isIt(text)) rmSync(lock, { force: true });
}

function holderOf(text: string): Holder | undefined {
  try {
    const { pid, host, started } = JSON.parse(text) as Partial<Holder>;
    const isHolder =
      Number.isInteger(pid) && typeof host === 'string' && typeof started === 'number';
    return isHolder ? { pid: pid as number, host, started } : undefined;
  } catch {
    return undefined;
  }
}

/** Of another host that can't be known. */
function isGone(lock: string, holder: Holder | undefined, self: Holder): boolean {
  if (holder === undefined) return ageOf(lock) > MAX_BLANK_MS;
  if (holder.host !== self.host) return false;
  if (holder.pid === self.pid) return holder.started !== self.started;
  try {
    process.kill(holder.pid, 0);
    return false;
  } catch (error) {
    // Any other refusal, such as for a process of another user, is a sign of life.
    return error instanceof Error && 'code' in error && error.code === 'ESRCH';
  }
}

function ageOf(lock: string): number {
  try {
    return Date.now() - statSync(lock).mtimeMs;
  } catch {
    return 0;
  }
}

function isLocked(file: string, lock: string, holder: Holder | undefined): LachesisError {
  const who =
    holder === undefined ? 'another process' : `process ${holder.pid} on the host ${holder.host}`;
  return new LachesisError('failed_precondition', `${file} is being written by ${who}.`, {
    reason: 'FILE_LOCKED',
    remedy: `Wait until it has ended, or give another file; if it is gone, remove ${lock}.`,
    metadata: { lock, ...(holder !== undefined && { pid: String(holder.pid) }) },
  });
}
