import { clipText, LachesisError } from '../../errors.ts';
import { isJsonObject, type JsonObject } from '../../messages.ts';
import type { EngineGeneration } from '../engine.ts';
import { modelError } from '../model-errors.ts';
import type { Secrets } from './secrets.ts';

/** Sampled ids, and what is wrong with their answer. */
export type SampledIds = Pick<EngineGeneration, 'tokenIds' | 'amiss'>;

/** Rounding may leave the logprob of a certain token a little above 0. */
export const MAX_LOGPROB = 1e-3;

/** In place of a sampled id that is none. */
export const NO_ID = -1;

/**
 * Reading what an engine answered. The shape is checked here, the numbers by whoever keeps them: a
 * missing logprob becomes NaN, which nobody can mistake for a probability, and never another number.
 */
export class ReplyReader {
  readonly #name: string;
  readonly #secrets: Secrets;

  constructor(name: string, secrets: Secrets) {
    this.#name = name;
    this.#secrets = secrets;
  }

  /** The beginning of what a server said, as it may be shown. */
  quote(value: unknown, maxBytes = 80): string {
    const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'undefined');
    return clipText(this.#secrets.hide(text), maxBytes);
  }

  object(value: unknown, path: string): JsonObject {
    if (isJsonObject(value)) return value;
    throw this.bad(path, 'is no object');
  }

  list(value: unknown, path: string): readonly unknown[] {
    if (Array.isArray(value)) return value;
    throw this.bad(path, 'is no list');
  }

  /** Ids as they came; one that is no whole number of 32 bits is refused, since it would become another. */
  ids(value: unknown, path: string): Int32Array {
    const list = this.list(value, path);
    return Int32Array.from(list, (id, at) => {
      if (isInt32(id)) return id;
      throw this.#noId(id, `${path}[${at}]`);
    });
  }

  /** Ids that were sampled. One that is none becomes -1, which is no id either, and the others are not lost. */
  sampledIds(value: unknown, path: string): SampledIds {
    const list = this.list(value, path);
    const tokenIds = Int32Array.from(list, (id) => (isInt32(id) ? id : NO_ID));
    const odd = list.findIndex((id) => !isInt32(id));
    if (odd < 0) return { tokenIds };
    return { tokenIds, amiss: this.#noId(list[odd], `${path}[${odd}]`) };
  }

  /** What else an answer says of sampled ids; where that can't be read, the ids are not lost with it. */
  beside<Sampled extends SampledIds, Found extends object>(
    sampled: Sampled,
    read: () => Found,
  ): Sampled & Partial<Found> {
    try {
      return { ...read(), ...sampled };
    } catch (thrown) {
      if (!(thrown instanceof LachesisError)) throw thrown;
      return { amiss: thrown, ...sampled } as Sampled & Partial<Found>;
    }
  }

  /** The logprobs of entries, none of which may be of another id than was sampled at its place. */
  logprobsOf(
    tokenIds: Int32Array,
    entries: readonly { readonly id: unknown; readonly logprob: number }[],
    path: string,
  ): Float32Array {
    // A list of another length is told as one, and not by the ids that are moved by it.
    const other =
      entries.length === tokenIds.length
        ? entries.findIndex(({ id }, at) => id !== undefined && id !== tokenIds[at])
        : -1;
    if (other >= 0) {
      const id = this.quote(JSON.stringify(entries[other]?.id));
      throw this.bad(`${path}[${other}]`, `is of id ${id}, not ${tokenIds[other]}`);
    }
    return Float32Array.from(entries, ({ logprob }) => logprob);
  }

  #noId(value: unknown, path: string): LachesisError {
    return this.bad(path, `is ${this.quote(JSON.stringify(value))} and no token id`);
  }

  bad(path: string, what: string): LachesisError {
    return modelError(`In the answer of ${this.#name}, ${path} ${what}.`, {
      reason: 'BAD_ENGINE_REPLY',
      remedy: 'Check that the URL is that of this kind of engine, and its version.',
      field: path,
    });
  }
}

function isInt32(value: unknown): value is number {
  return typeof value === 'number' && value === (value | 0);
}

/** The id that a token is spelled as, where it is spelled as one. */
export function spelledId(token: unknown): number | undefined {
  const id = typeof token === 'string' ? /^token_id:(\d{1,10})$/.exec(token)?.[1] : undefined;
  return id === undefined ? undefined : Number(id);
}

/**
 * A logprob, or NaN where there is none. -9999 and the lowest float are how vLLM and llama.cpp write
 * that a token has none.
 */
export function readLogprob(value: unknown): number {
  return typeof value === 'number' && value > -9_999 ? value : Number.NaN;
}

/** The logprobs of a list, or undefined where there is no list. */
export function readLogprobs(value: unknown): Float32Array | undefined {
  return Array.isArray(value) ? Float32Array.from(value, readLogprob) : undefined;
}

export function readCount(value: unknown): number | undefined {
  return Number.isInteger(value) && (value as number) >= 0 ? (value as number) : undefined;
}

export function readText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** A weight version that is a counter; engines name a model that was never updated `default`. */
export function readVersion(value: unknown): number | undefined {
  const version = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
  return readCount(version);
}

/**
 * `[{version, start, end}]` over the output, as vLLM and SGLang write it. Empty when one is no counter:
 * half a record would say that the rest is of no version. Spans that do not join become one run of
 * length 0, which tiles nothing and is refused.
 */
export function readVersionSpans(value: unknown): EngineGeneration['versions'] {
  if (!Array.isArray(value)) return [];
  const runs: { length: number; version: number }[] = [];
  let at = 0;
  for (const span of value) {
    const { version, start, end } = isJsonObject(span) ? span : {};
    const read = readVersion(version);
    if (read === undefined || typeof start !== 'number' || typeof end !== 'number') return [];
    if (start !== at || !Number.isInteger(end) || end < start) {
      return [{ length: 0, version: read }];
    }
    if (end > start) runs.push({ length: end - start, version: read });
    at = end;
  }
  return runs;
}
