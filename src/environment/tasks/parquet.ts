import { type FileHandle, open } from 'node:fs/promises';
import { type FileMetaData, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import type { Task } from '../../contract/index.ts';
import { errorMessage, LachesisError } from '../../errors.ts';
import type { JsonValue } from '../../messages.ts';
import type { TaskSource } from '../environment.ts';
import { deepFreeze } from '../freeze.ts';
import { unreadableFile } from './file-lines.ts';
import { HeldGroups } from './held-groups.ts';
import { parquetCompressors, parquetJson } from './parquet-values.ts';
import type { DownloadOptions } from './remote/download.ts';
import { type TaskFile, taskFile } from './remote/task-file.ts';
import { type RowOptions, taskOfRow } from './row-task.ts';

/** How the rows of a Parquet file become tasks. */
export interface ParquetOptions<Data> extends RowOptions<Data>, DownloadOptions {
  /** Only these columns are read. Default: all. */
  readonly columns?: readonly string[];
  /**
   * Most bytes (of the file, uncompressed) of row groups that are held; a file above it is slow to
   * read in any other order than its own. Default: 256 MiB.
   */
  readonly maxHeldBytes?: number;
}

const DEFAULT_MAX_HELD_BYTES = 256 * 1_048_576;

/** What is known of a file without reading its rows. */
interface Layout {
  readonly metadata: FileMetaData;
  readonly rows: number;
  /** The row with which each row group begins, in order. */
  readonly groupStarts: readonly number[];
}

interface RowGroup {
  readonly start: number;
  readonly rows: readonly JsonValue[];
}

/**
 * Tasks of a Parquet file, one per row; an http or https URL is downloaded once, and a copy of it kept: see
 * {@link DownloadOptions}. A row is an object of its columns as JSON (64-bit integers
 * are numbers where exact, else decimal text; times are ISO text; bytes are base64). Row groups are
 * read as they are needed, and the latest are held. `prepare` reads the file once when `key`, `split` or `map`
 * could fail, so that a bad row is an error then, with its file and row.
 */
export function parquet<Data = JsonValue>(
  pathOrUrl: string,
  options: ParquetOptions<Data> = {},
): TaskSource<Data> & {
  at(position: number): Promise<Task<Data> | undefined>;
  prepare(range?: { readonly signal?: AbortSignal }): Promise<void>;
} {
  const file = taskFile(pathOrUrl, options);
  let layout: Promise<Layout> | undefined;
  let index: Promise<ReadonlyMap<string, number>> | undefined;
  let held: HeldGroups<RowGroup> | undefined;
  let count: number | undefined;

  const layoutOf = (signal?: AbortSignal): Promise<Layout> => {
    layout ??= readLayout(file, signal).catch((error: unknown) => {
      layout = undefined;
      throw error;
    });
    return layout;
  };
  const groupOf = (known: Layout, group: number): Promise<RowGroup> => {
    held ??= new HeldGroups({
      read: (wanted) => readGroup(file, known, wanted, options.columns),
      bytesOf: (wanted) => Number(known.metadata.row_groups[wanted]?.total_byte_size ?? 0),
      maxBytes: options.maxHeldBytes ?? DEFAULT_MAX_HELD_BYTES,
    });
    return held.get(group);
  };
  const taskOf = (value: JsonValue, position: number): Task<Data> =>
    taskOfRow(value, position, options, (problem, cause) =>
      rowError(file.name, position, problem, cause),
    );

  async function* tasks(range: { readonly from?: number; readonly signal?: AbortSignal } = {}) {
    const known = await layoutOf(range.signal);
    let position = range.from ?? 0;
    while (position < known.rows) {
      range.signal?.throwIfAborted();
      const { start, rows } = await groupOf(known, groupAt(known, position));
      for (const value of rows.slice(position - start)) {
        range.signal?.throwIfAborted();
        yield taskOf(value, position);
        position += 1;
      }
    }
  }

  const buildIndex = async (signal?: AbortSignal): Promise<ReadonlyMap<string, number>> => {
    const places = new Map<string, number>();
    let position = 0;
    for await (const { key } of tasks(signal === undefined ? {} : { signal })) {
      const other = places.get(key);
      if (other !== undefined) {
        throw rowError(file.name, position, `has the key \`${key}\` of row ${other}.`);
      }
      places.set(key, position);
      position += 1;
    }
    return places;
  };
  const indexed = (signal?: AbortSignal): Promise<ReadonlyMap<string, number>> => {
    index ??= buildIndex(signal).catch((error: unknown) => {
      index = undefined;
      throw error;
    });
    return index;
  };
  const at = async (position: number): Promise<Task<Data> | undefined> => {
    const known = await layoutOf();
    if (!(position >= 0 && position < known.rows)) return undefined;
    const { start, rows } = await groupOf(known, groupAt(known, position));
    return taskOf(rows[position - start] as JsonValue, position);
  };

  return Object.freeze({
    get count() {
      return count;
    },
    tasks,
    at,
    async get(key: string) {
      const position = (await indexed()).get(key);
      return position === undefined ? undefined : at(position);
    },
    async prepare(range: { readonly signal?: AbortSignal } = {}) {
      const { rows } = await layoutOf(range.signal);
      const { key, split, map } = options;
      const cannotFail =
        key === undefined &&
        map === undefined &&
        (split === undefined || typeof split === 'string');
      if (!cannotFail) await indexed(range.signal);
      count = rows;
    },
  });
}

function groupAt({ groupStarts }: Layout, position: number): number {
  return groupStarts.findLastIndex((start) => start <= position);
}

async function readLayout(file: TaskFile, signal: AbortSignal | undefined): Promise<Layout> {
  const metadata = await withFile(file, (slices) => parquetMetadataAsync(slices), signal);
  const groupStarts: number[] = [];
  let rows = 0;
  for (const group of metadata.row_groups) {
    groupStarts.push(rows);
    rows += Number(group.num_rows);
  }
  return { metadata, rows, groupStarts };
}

async function readGroup(
  file: TaskFile,
  { metadata, rows, groupStarts }: Layout,
  group: number,
  columns: readonly string[] | undefined,
): Promise<RowGroup> {
  const start = groupStarts[group] ?? 0;
  const objects = await withFile(file, (slices) =>
    parquetReadObjects({
      file: slices,
      metadata,
      rowStart: start,
      rowEnd: groupStarts[group + 1] ?? rows,
      compressors: parquetCompressors,
      ...(columns === undefined ? {} : { columns: [...columns] }),
    }),
  );
  // They are held and given out again, so nobody may change them.
  return { start, rows: objects.map((row) => deepFreeze(parquetJson(row))) };
}

interface FileSlices {
  readonly byteLength: number;
  slice(start: number, end?: number): Promise<ArrayBuffer>;
}

async function withFile<Result>(
  { name, path }: TaskFile,
  read: (file: FileSlices) => Promise<Result>,
  signal?: AbortSignal,
): Promise<Result> {
  // What the download says is said already.
  const found = await path(signal);
  let handle: FileHandle | undefined;
  try {
    handle = await open(found);
    const file = handle;
    const { size } = await file.stat();
    return await read({
      byteLength: size,
      async slice(start, end = size) {
        const bytes = new Uint8Array(Math.max(0, end - start));
        const { bytesRead } = await file.read(bytes, 0, bytes.length, start);
        return bytes.buffer.slice(0, bytesRead);
      },
    });
  } catch (error) {
    throw unreadableFile(error, name) ?? notParquet(name, error);
  } finally {
    await handle?.close();
  }
}

function notParquet(path: string, cause: unknown): LachesisError {
  return new LachesisError('invalid_input', `${path} can't be read: ${errorMessage(cause)}.`, {
    reason: 'TASK_FILE_FORMAT',
    field: path,
    remedy: 'Check that it is a whole Parquet file, and its columns are those asked for.',
    cause,
  });
}

function rowError(path: string, row: number, problem: string, cause?: unknown): LachesisError {
  return new LachesisError('invalid_input', `${path}: row ${row} ${problem}`, {
    reason: 'TASK_FILE_ROW',
    field: `${path}[${row}]`,
    cause,
  });
}
