import { type FileHandle, open } from 'node:fs/promises';
import type { Task } from '../../contract/index.ts';
import { errorMessage, LachesisError } from '../../errors.ts';
import type { JsonValue } from '../../messages.ts';
import type { TaskSource } from '../environment.ts';
import { type FileLine, fileLines } from './file-lines.ts';

export interface JsonlOptions<Data> {
  /** Makes a task's data of a line's value. Default: the value itself. */
  readonly map?: (value: JsonValue, position: number) => Data;
  /** A field of the line's object, or a function of its value. Default: the position. */
  readonly key?: string | ((value: JsonValue, position: number) => string);
  /** A field of the line's object, or a fixed name. Default: none. */
  readonly split?: { readonly field: string } | string;
}

/** Where a task stands in the file. */
interface Place {
  readonly line: number;
  readonly offset: number;
  readonly byteLength: number;
  readonly position: number;
}

/**
 * Tasks of a JSON Lines file, one per line, blank lines skipped. Lines are read as they are needed;
 * `prepare` (called when the environment is hosted) reads the file once, so that a bad line is an
 * error then, with its file and line, and `get` finds a task without reading the others.
 */
export function jsonl<Data = JsonValue>(
  path: string,
  options: JsonlOptions<Data> = {},
): TaskSource<Data> & { prepare(range?: { readonly signal?: AbortSignal }): Promise<void> } {
  let index: Promise<ReadonlyMap<string, Place>> | undefined;
  let count: number | undefined;

  const read = (line: FileLine, position: number): Task<Data> =>
    taskOfLine(path, line, position, options);

  async function* tasks(range: { readonly from?: number; readonly signal?: AbortSignal } = {}) {
    const from = range.from ?? 0;
    let position = 0;
    for await (const line of fileLines(path, { signal: range.signal })) {
      if (line.text.trim() === '') continue;
      if (position >= from) yield read(line, position);
      position += 1;
    }
  }

  const buildIndex = async (signal?: AbortSignal): Promise<ReadonlyMap<string, Place>> => {
    const places = new Map<string, Place>();
    let position = 0;
    for await (const line of fileLines(path, { signal })) {
      if (line.text.trim() === '') continue;
      const { key } = read(line, position);
      const other = places.get(key);
      if (other !== undefined) {
        throw lineError(path, line.number, `has the key \`${key}\` of line ${other.line}.`);
      }
      const { offset, byteLength, number } = line;
      places.set(key, { line: number, offset, byteLength, position });
      position += 1;
    }
    count = position;
    return places;
  };
  const indexed = (signal?: AbortSignal): Promise<ReadonlyMap<string, Place>> => {
    // A failed pass is not kept: the file may be mended, or the wait may have been cancelled.
    index ??= buildIndex(signal).catch((error: unknown) => {
      index = undefined;
      throw error;
    });
    return index;
  };

  return Object.freeze({
    get count() {
      return count;
    },
    tasks,
    async get(key: string) {
      const place = (await indexed()).get(key);
      if (place === undefined) return undefined;
      const text = await textAt(path, place);
      return read({ ...place, number: place.line, text }, place.position);
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
  const attempt = <Result>(what: string, make: () => Result): Result => {
    try {
      return make();
    } catch (error) {
      throw lineError(
        path,
        line.number,
        `can't be read by ${what}: ${errorMessage(error)}.`,
        error,
      );
    }
  };
  const { key, split, map } = options;
  const named = (field: string): string => {
    const found = (value as { readonly [name: string]: JsonValue } | null)?.[field];
    if (typeof found === 'string' && found !== '') return found;
    if (typeof found === 'number') return String(found);
    throw lineError(path, line.number, `has no text or number in its field \`${field}\`.`);
  };
  return {
    key:
      key === undefined
        ? String(position)
        : typeof key === 'string'
          ? named(key)
          : attempt('the key function', () => key(value, position)),
    split: split === undefined ? '' : typeof split === 'string' ? split : named(split.field),
    data:
      map === undefined ? (value as Data) : attempt('the map function', () => map(value, position)),
  };
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
