import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { pause } from '../../async/index.ts';
import { removeStore } from '../../broker/index.ts';
import { errorMessage, invalidInput, LachesisError } from '../../errors.ts';
import { LockFile, replaceFile } from '../../files/index.ts';
import type { Measurement } from './measure.ts';
import type { Plan } from './plan.ts';
import { readSteps } from './trainer.ts';

/** What a quick start keeps of itself; runs, policy and steps are kept by their own parties. */
export interface StartRecord {
  readonly format: 'lachesis.start/1';
  readonly plan: Plan;
  /** Undefined until it was measured. */
  readonly before: Measurement | undefined;
  /** Rollouts that failed, as of the last step; like all that follows, over all sittings. */
  readonly notScored: number;
  readonly trainSeconds: number;
  readonly wallSeconds: number;
  readonly resumed: number;
  readonly rolloutsWritten: number;
  /** Of an environment that is played and not trained on. */
  readonly played?: readonly PlayedRow[];
  /** A transcript of it, to read. */
  readonly shown?: readonly string[] | undefined;
  /** Undefined until it has ended. */
  readonly ended:
    | { readonly lines: readonly string[]; readonly failures: readonly string[] }
    | undefined;
}

/** One rollout that was played; without a reward it was not scored. */
export interface PlayedRow {
  readonly id: string;
  readonly player: string;
  readonly reward?: number;
  readonly failure?: string;
  readonly attempted: number;
  readonly executedOk: number;
  readonly seconds: number;
}

const FORMAT = 'lachesis.start/1';
/** Longest that the parts of a quick start that was killed take to end. */
const ORPHAN_MS = 10_000;

/** The folder that a quick start keeps itself in, for one process at a time. */
export class KeptStart implements Disposable {
  readonly store: string;
  readonly policy: string;
  readonly steps: string;
  readonly #folder: string;
  readonly #file: string;
  readonly #lock: LockFile;

  private constructor(folder: string, lock: LockFile) {
    this.#folder = folder;
    this.#file = path.join(folder, 'start.json');
    this.#lock = lock;
    this.store = path.join(folder, 'store');
    this.policy = path.join(folder, 'policy.bin');
    this.steps = path.join(folder, 'steps.jsonl');
  }

  /** Makes the folder where it is missing. Throws failed_precondition LOCKED while another has it. */
  static async open(given: string): Promise<KeptStart> {
    // Its parts work in folders of their own.
    const folder = path.resolve(given);
    try {
      mkdirSync(folder, { recursive: true });
      return new KeptStart(folder, await LockFile.take(path.join(folder, 'start.lock'), folder));
    } catch (error) {
      if (error instanceof LachesisError) throw error;
      throw invalidInput('--out', `can't be used: ${errorMessage(error)}.`, {
        remedy: 'Give a folder that can be written to.',
        cause: error,
      });
    }
  }

  /** What an earlier one kept; undefined when there was none. */
  read(): StartRecord | undefined {
    if (!existsSync(this.#file)) return undefined;
    try {
      const record = JSON.parse(readFileSync(this.#file, 'utf8')) as StartRecord;
      if (record.format === FORMAT) return record;
    } catch {
      // Said below.
    }
    throw new LachesisError('failed_precondition', `${this.#file} is no ${FORMAT} file.`, {
      reason: 'START_UNREADABLE',
      remedy: 'Begin anew without --resume.',
    });
  }

  #isOurs(): boolean {
    try {
      return this.read() !== undefined;
    } catch {
      return false;
    }
  }

  async write(record: StartRecord): Promise<void> {
    await replaceFile(this.#file, [Buffer.from(`${JSON.stringify(record)}\n`)]);
  }

  /** Throws when what was kept is not all there: the parts would begin anew, each by itself. */
  assertWhole(record: StartRecord): void {
    if (record.before === undefined) return;
    const steps = readSteps(this.steps);
    const missing = [this.store, ...(steps.length > 0 ? [this.policy] : [])].find(
      (file) => !existsSync(file),
    );
    if (missing === undefined) return;
    throw new LachesisError('failed_precondition', `${missing} is missing.`, {
      reason: 'START_INCOMPLETE',
      remedy: 'Restore it, or begin anew without --resume.',
    });
  }

  /** Waits until the parts of one that was killed have ended: they notice that by themselves. */
  async untilFree(signal: AbortSignal): Promise<void> {
    const deadlineMs = performance.now() + ORPHAN_MS;
    for (;;) {
      try {
        const lock = await LockFile.take(`${this.policy}.lock`, `The policy ${this.policy}`);
        lock[Symbol.dispose]();
        return;
      } catch (error) {
        const isHeld = error instanceof LachesisError && error.reason === 'LOCKED';
        if (!isHeld || performance.now() > deadlineMs) throw error;
      }
      await pause(100, signal);
      signal.throwIfAborted();
    }
  }

  /** Removes what an earlier one kept, its rollout files aside; false when there was nothing. Throws while somebody has its store. */
  async clear(): Promise<boolean> {
    const all = [this.#file, this.store, this.policy, this.steps];
    const isThere = all.some((file) => existsSync(file));
    if (isThere && !this.#isOurs()) throw notOurs(this.#folder);
    // First, since it may be refused, and then all is as it was.
    await removeStore(this.store);
    // The file that says whose folder it is goes last.
    for (const file of [this.policy, this.steps, this.#file]) rmSync(file, { force: true });
    return isThere;
  }

  rolloutFile(): string {
    const now = new Date().toISOString().replaceAll(/[:.]/g, '-');
    return path.join(this.#folder, `rollouts-${now}.jsonl`);
  }

  [Symbol.dispose](): void {
    this.#lock[Symbol.dispose]();
  }
}

function notOurs(folder: string): LachesisError {
  return new LachesisError(
    'failed_precondition',
    `${folder} holds files that no quick start made.`,
    {
      reason: 'FOLDER_NOT_OURS',
      field: '--out',
      remedy: 'Give another --out, or move its start.json, policy.bin, steps.jsonl and store away.',
    },
  );
}

export function newRecord(plan: Plan): StartRecord {
  return {
    ...{ format: FORMAT, plan, before: undefined, notScored: 0, ended: undefined },
    ...{ trainSeconds: 0, wallSeconds: 0, resumed: 0, rolloutsWritten: 0 },
  };
}
