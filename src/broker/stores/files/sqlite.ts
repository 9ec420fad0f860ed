// The one file that knows node:sqlite: Node renames its class (DEP0210), and it is a release candidate.
import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { LachesisError } from '../../../errors.ts';
import { storeDamaged, storeFailed, storeFull } from '../refusals.ts';

export type SqlRow = Readonly<Record<string, SqlValue>>;
export type SqlValue = SQLInputValue | undefined;

/** A prepared statement; failures are LachesisErrors. */
export interface Statement {
  /** Gives how many rows it changed. */
  run(...values: SQLInputValue[]): number;
  get(...values: SQLInputValue[]): SqlRow | undefined;
  all(...values: SQLInputValue[]): readonly SqlRow[];
}

const CORRUPT = 11;
const NOT_A_DATABASE = 26;
const FULL = 13;
const BUSY = 5;

/** One SQLite file, for one process. */
export class SqlFile implements Disposable {
  readonly #file: string;
  readonly #database: DatabaseSync;

  /** An empty `file` is a temporary database, on disk where it grows. `readOnly`: it must be there. */
  constructor(file: string, options: { readonly readOnly?: boolean } = {}) {
    this.#file = file === '' ? 'a temporary index' : file;
    // Loaded when it is wanted: some versions of Node warn of it, also those who keep nothing.
    const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
    this.#database = this.#typed(() => new DatabaseSync(file, options));
  }

  exec(sql: string): void {
    this.#typed(() => this.#database.exec(sql));
  }

  prepare(sql: string): Statement {
    const statement = this.#typed(() => this.#database.prepare(sql));
    return {
      run: (...values) => this.#typed(() => Number(statement.run(...values).changes)),
      get: (...values) => this.#typed(() => statement.get(...values) as SqlRow | undefined),
      all: (...values) => this.#typed(() => statement.all(...values) as SqlRow[]),
    };
  }

  /** What `work` writes is there when it returns, or not at all when it throws. */
  transaction<Result>(work: () => Result): Result {
    this.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.exec('COMMIT');
      return result;
    } catch (error) {
      // A full disk may have rolled it back already.
      if (this.#database.isTransaction) this.exec('ROLLBACK');
      throw error;
    }
  }

  [Symbol.dispose](): void {
    if (this.#database.isOpen) this.#typed(() => this.#database.close());
  }

  #typed<Result>(work: () => Result): Result {
    try {
      return work();
    } catch (error) {
      throw this.#failure(error);
    }
  }

  #failure(error: unknown): unknown {
    const { errcode } = (error ?? {}) as { readonly errcode?: unknown };
    if (typeof errcode !== 'number') return error;
    const primary = errcode & 0xff;
    if (primary === FULL) return storeFull(this.#file, error);
    if (primary === CORRUPT || primary === NOT_A_DATABASE) {
      const remedy = 'Move it away, with the -wal beside it, and run `lachesis store reindex`.';
      return storeDamaged(this.#file, 'is no whole SQLite database', remedy);
    }
    if (primary === BUSY) {
      return new LachesisError('failed_precondition', `${this.#file} is in use.`, {
        reason: 'LOCKED',
        remedy: 'End the process that has it open, such as a SQLite shell.',
        cause: error,
      });
    }
    return storeFailed(this.#file, error);
  }
}
