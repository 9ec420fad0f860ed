import { type FileHandle, open } from 'node:fs/promises';
import type { Task } from '../../contract/index.ts';
import { errorMessage, LachesisError } from '../../errors.ts';
import type { JsonValue } from '../../messages.ts';
import type { TaskSource } from '../environment.ts';
import { type FileLine, fileLines } from './file-lines.ts';
import type { DownloadOptions } from './remote/download.ts';
import { taskFile } from './remote/task-file.ts';
import { type RowOptions, taskOfRow } from './row-task.ts';

/** How the lines of a JSON Lines file become tasks. */
export interface JsonlOptions<Data> extends RowOptions<Data>, DownloadOptions {}

/** Where a task stands in the file. */
interface Place {
  readonly line: number;
  readonly offset: number;
  readonly byteLength: number;
  readonly position: number;
}

interface Index {
  readonly byKey: ReadonlyMap<string, Place>;
  readonly inOrder: readonly Place[];
}

/**
 * Tasks of a JSON Lines file, one per line, blank lines skipped. An http or https URL is downloaded once,
 * and a copy of it kept: see {@link DownloadOptions}. Lines are read as they are needed;
 * `prepare` (called when the environment is hosted) reads the file once, so that a bad line is an
 * error then, with its file and line, and `get` finds a task without reading the others.
 */
export function jsonl<Data = JsonValue>(
  pathOrUrl: string,
  options: JsonlOptions<Data> = {},
): TaskSource<Data> & { prepare(range?: { readonly signal?: AbortSignal }): Promise<void> } {
  const file = taskFile(pathOrUrl, options);
  let index: Promise<Index> | undefined;
  let count: number | undefined;

  const read = (line: FileLine, position: number): Task<Data> =>
    taskOfLine(file.name, line, position, options);

  async function* tasks(range: { readonly from?: number; readonly signal?: AbortSignal } = {}) {
    const from = range.from ?? 0;
    let position = 0;
    const path = await file.path(range.signal);
    for await (const line of fileLines(path, { signal: range.signal, name: file.name })) {
      if (line.text.trim() === '') continue;
      if (position >= from) yield read(line, position);
      position += 1;
    }
  }

  const buildIndex = async (signal?: AbortSignal): Promise<Index> => {
    const places = new Map<string, Place>();
    let position = 0;
    const path = await file.path(signal);
    for await (const line of fileLines(path, { signal, name: file.name })) {
      if (line.text.trim() === '') continue;
      const { key } = read(line, position);
      const other = places.get(key);
      if (other !== undefined) {
        throw lineError(file.name, line.number, `has the key \`${key}\` of line ${other.line}.`);
      }
      const { offset, byteLength, number } = line;
      places.set(key, { line: number, offset, byteLength, position });
      position += 1;
    }
    count = position;
    return { byKey: places, inOrder: [...places.values()] };
  };
  const indexed = (signal?: AbortSignal): Promise<Index> => {
    // A failed pass is not kept: the file may be mended, or the wait may have been cancelled.
    index ??= buildIndex(signal).catch((error: unknown) => {
      index = undefined;
      throw error;
    });
    return index;
  };

  const taskAt = async (place: Place | undefined): Promise<Task<Data> | undefined> => {
    if (place === undefined) return undefined;
    const text = await textAt(await file.path(), place);
    return read({ ...place, number: place.line, text }, place.position);
  };

  return Object.freeze({
    get count() {
      return count;
    },
    tasks,
    async get(key: string) {
      return taskAt((await indexed()).byKey.get(key));
    },
    async at(position: number) {
      return taskAt((await indexed()).inOrder[position]);
    },
    async prepare(range: { readonly signal?: AbortSignal } = {}) {
      await indexed(range.signal);
    },
  });
}

function taskOfLine<Data>(
  path: string,
  line: FileLine,
  position: number,
  options: JsonlOptions<Data>,
): Task<Data> {
  const value = parsed(path, line);
  return taskOfRow(value, position, options, (problem, cause) =>
    lineError(path, line.number, problem, cause),
  );
}

function parsed(path: string, line: FileLine): JsonValue {
  try {
    return JSON.parse(line.text) as JsonValue;
  } catch (error) {
    throw lineError(path, line.number, `is no JSON: ${errorMessage(error)}.`, error);
  }
}

async function textAt(path: string, place: Place): Promise<string> {
  const file: FileHandle = await open(path);
  try {
    const bytes = Buffer.alloc(place.byteLength);
    await file.read(bytes, 0, bytes.length, place.offset);
    return bytes.toString('utf8');
  } finally {
    await file.close();
  }
}

function lineError(path: string, line: number, problem: string, cause?: unknown): LachesisError {
  return new LachesisError('invalid_input', `${path}:${line} ${problem}`, {
    reason: 'TASK_FILE_LINE',
    field: `${path}:${line}`,
    cause,
  });
}
