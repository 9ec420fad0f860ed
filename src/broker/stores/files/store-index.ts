import { existsSync, rmSync } from 'node:fs';
import { LachesisError } from '../../../errors.ts';
import type { StoreRecord } from '../store.ts';
import type { Citation, LoggedChange } from './logged-change.ts';
import { SqlFile, type SqlRow, type Statement } from './sqlite.ts';

export const INDEX_VERSION = 1;

/** Rows of a page: what is read at once while others wait. */
const PAGE = 64;

/** Where the commit log stands, as of the last commit. */
export interface IndexState {
  /** Commits so far. */
  readonly sequence: number;
  /** Log files that a replay needs, how far the last of them counts, and how far it was synced. */
  readonly firstLog: number;
  readonly lastLog: number;
  readonly logEnd: number;
  readonly logSynced: number;
  readonly records: number;
}

export interface SegmentUse {
  readonly segment: number;
  readonly payloads: number;
  readonly liveBytes: number;
  /** Behind the last live payload. */
  readonly liveEnd: number;
}

const SCHEMA = `
  CREATE TABLE records (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE payloads (
    segment INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    length INTEGER NOT NULL,
    crc32 INTEGER NOT NULL,
    label TEXT NOT NULL,
    PRIMARY KEY (segment, offset)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE state (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    sequence INTEGER NOT NULL,
    first_log INTEGER NOT NULL,
    last_log INTEGER NOT NULL,
    log_end INTEGER NOT NULL,
    log_synced INTEGER NOT NULL,
    records INTEGER NOT NULL
  ) STRICT;
  INSERT INTO state VALUES (1, 0, 1, 1, 0, 0, 0);
  PRAGMA user_version = ${INDEX_VERSION};
`;

export type Durability = 'commit' | 'os' | 'none';

const SYNCHRONOUS = { commit: 'FULL', os: 'NORMAL', none: 'OFF' } as const;

/** Which records there are and which payloads live: `index.db`. A change is in it when its transaction ends. */
export class StoreIndex implements Disposable {
  readonly #file: string;
  readonly #sql: SqlFile;
  readonly #statements: ReturnType<typeof statementsOf>;
  #opened: Disposable | undefined;

  private constructor(sql: SqlFile, file: string) {
    this.#file = file;
    this.#sql = sql;
    this.#statements = statementsOf(sql);
  }

  /** Makes the tables where there are none. Throws failed_precondition for a newer version's. */
  static open(file: string, durability: Durability): StoreIndex {
    using opened = new DisposableStack();
    const sql = opened.use(new SqlFile(file));
    // Small pages: a commit touches three or four, and each is written whole, first to the WAL.
    sql.exec('PRAGMA page_size = 2048; PRAGMA trusted_schema = OFF;');
    // Alone with it: no shared memory beside it, and a second process is refused by SQLite as well.
    sql.exec('PRAGMA locking_mode = EXCLUSIVE;');
    sql.exec(
      'PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 2000; PRAGMA cache_size = -16384;',
    );
    sql.exec(`PRAGMA synchronous = ${SYNCHRONOUS[durability]};`);
    if (versionOf(sql, file) === 0) sql.transaction(() => sql.exec(SCHEMA));
    const index = new StoreIndex(sql, file);
    opened.move();
    return index;
  }

  /** Of a store that is closed, and written to by nobody. Undefined where it is empty. */
  static read(file: string): StoreIndex | undefined {
    using opened = new DisposableStack();
    // SQLite reads a -wal by way of a -shm, and leaves that behind.
    for (const beside of ['-wal', '-shm'].map((end) => file + end)) {
      if (!existsSync(beside)) opened.defer(() => rmSync(beside, { force: true }));
    }
    const sql = opened.use(new SqlFile(file, { readOnly: true }));
    if (versionOf(sql, file) === 0) return undefined;
    const index = new StoreIndex(sql, file);
    index.#opened = opened.move();
    return index;
  }

  /** Where its newest transactions are, until they are moved into its file. */
  get walFile(): string {
    return `${this.#file}-wal`;
  }

  /** From here on a transaction waits for no disk: whoever needs it there syncs {@link walFile}. */
  leaveSyncing(): void {
    this.#sql.exec('PRAGMA synchronous = NORMAL;');
  }

  transaction<Result>(work: () => Result): Result {
    return this.#sql.transaction(work);
  }

  state(): IndexState {
    const row = this.#statements.state.get();
    return {
      sequence: Number(row?.['sequence']),
      firstLog: Number(row?.['first_log']),
      lastLog: Number(row?.['last_log']),
      logEnd: Number(row?.['log_end']),
      logSynced: Number(row?.['log_synced']),
      records: Number(row?.['records']),
    };
  }

  setState({ sequence, firstLog, lastLog, logEnd, logSynced, records }: IndexState): void {
    this.#statements.setState.run(sequence, firstLog, lastLog, logEnd, logSynced, records);
  }

  /** Gives by how many the records grew. What is there already, or gone already, is no mistake here. */
  apply({ put, remove, cites, releases }: LoggedChange): number {
    const { update, insert, removeKey, cite, release } = this.#statements;
    let grown = 0;
    for (const key of remove) grown -= removeKey.run(key);
    for (const { key, value } of put) {
      // Apart, for only so is it known which of them happened.
      if (update.run(value, key) > 0) continue;
      grown += insert.run(key, value);
    }
    for (const { segment, offset, length, crc32, label } of cites) {
      cite.run(segment, offset, length, crc32, label);
    }
    for (const { segment, offset } of releases) release.run(segment, offset);
    return grown;
  }

  payloadAt(segment: number, offset: number): Citation | undefined {
    const row = this.#statements.payloadAt.get(segment, offset);
    return row && citationOf(row);
  }

  hasRecord(key: string): boolean {
    return this.#statements.hasRecord.get(key) !== undefined;
  }

  /** In key order, from `key` on; a page is as of when it is taken, and commits may come between two. */
  *recordPages(key: string): Iterable<readonly StoreRecord[]> {
    let rows = this.#statements.recordsFrom.all(key);
    while (rows.length > 0) {
      const page = rows.map((row) => ({
        key: String(row['key']),
        value: row['value'] as Uint8Array,
      }));
      yield page;
      rows = rows.length < PAGE ? [] : this.#statements.recordsAfter.all(page.at(-1)!.key);
    }
  }

  /** In the order of their places; as {@link recordPages}. */
  *payloadPages(): Iterable<readonly Citation[]> {
    let rows = this.#statements.payloadsAfter.all(-1, -1);
    while (rows.length > 0) {
      const page = rows.map(citationOf);
      yield page;
      const last = page.at(-1)!;
      rows =
        page.length < PAGE ? [] : this.#statements.payloadsAfter.all(last.segment, last.offset);
    }
  }

  segments(): readonly SegmentUse[] {
    return this.#statements.segments.all().map((row) => ({
      segment: Number(row['segment']),
      payloads: Number(row['payloads']),
      liveBytes: Number(row['live_bytes']),
      liveEnd: Number(row['live_end']),
    }));
  }

  /** Throws infrastructure_error when SQLite finds its file out of order. */
  check(): readonly string[] {
    const rows = this.#sql.prepare('PRAGMA integrity_check(20)').all();
    return rows.map((row) => String(row['integrity_check'])).filter((line) => line !== 'ok');
  }

  [Symbol.dispose](): void {
    this.#sql[Symbol.dispose]();
    this.#opened?.[Symbol.dispose]();
  }
}

function versionOf(sql: SqlFile, file: string): number {
  const version = Number(sql.prepare('PRAGMA user_version').get()?.['user_version']);
  if (version > INDEX_VERSION) throw fromTheFuture(file, version, INDEX_VERSION);
  return version;
}

function statementsOf(sql: SqlFile): Record<StatementName, Statement> {
  const prepared = Object.entries(STATEMENTS).map(([name, text]) => [name, sql.prepare(text)]);
  return Object.fromEntries(prepared) as Record<StatementName, Statement>;
}

type StatementName = keyof typeof STATEMENTS;

const STATEMENTS = {
  state: 'SELECT * FROM state',
  setState: `UPDATE state SET sequence = ?, first_log = ?, last_log = ?, log_end = ?, log_synced = ?,
    records = ?`,
  update: 'UPDATE records SET value = ? WHERE key = ?',
  insert: 'INSERT INTO records VALUES (?, ?)',
  removeKey: 'DELETE FROM records WHERE key = ?',
  hasRecord: 'SELECT 1 FROM records WHERE key = ?',
  cite: 'INSERT INTO payloads VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
  release: 'DELETE FROM payloads WHERE segment = ? AND offset = ?',
  payloadAt: 'SELECT * FROM payloads WHERE segment = ? AND offset = ?',
  recordsFrom: `SELECT key, value FROM records WHERE key >= ? ORDER BY key LIMIT ${PAGE}`,
  recordsAfter: `SELECT key, value FROM records WHERE key > ? ORDER BY key LIMIT ${PAGE}`,
  payloadsAfter: `SELECT * FROM payloads WHERE (segment, offset) > (?, ?)
    ORDER BY segment, offset LIMIT ${PAGE}`,
  segments: `SELECT segment, count(*) AS payloads, sum(length) AS live_bytes,
    max(offset + length) AS live_end FROM payloads GROUP BY segment ORDER BY segment`,
} as const;

function citationOf(row: SqlRow): Citation {
  return {
    segment: Number(row['segment']),
    offset: Number(row['offset']),
    length: Number(row['length']),
    crc32: Number(row['crc32']),
    label: String(row['label']),
  };
}

export function fromTheFuture(file: string, version: number, known: number): LachesisError {
  return new LachesisError(
    'failed_precondition',
    `${file} has format ${version}, and this version of Lachesis knows ${known}.`,
    {
      reason: 'STORE_FROM_THE_FUTURE',
      remedy: 'Use the version that wrote it, or a newer one.',
      metadata: { version: String(version), known: String(known) },
    },
  );
}

export function indexEmpty({
  folder,
  indexFile,
}: {
  folder: string;
  indexFile: string;
}): LachesisError {
  return new LachesisError('failed_precondition', `${indexFile} is empty.`, {
    reason: 'INDEX_EMPTY',
    remedy: `Move it away, and run \`lachesis store reindex ${folder}\`, which makes it anew.`,
  });
}
