import { clipText, type LachesisError } from '../../errors.ts';
import { isJsonObject, type JsonObject } from '../../messages.ts';
import type { EngineGeneration } from '../engine.ts';
import { modelError } from '../model-errors.ts';
import type { Secrets } from './secrets.ts';

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
      if (Number.isInteger(id) && (id as number) === ((id as number) | 0)) return id as number;
      throw this.bad(`${path}[${at}]`, `is ${this.quote(JSON.stringify(id))} and no token id`);
    });
  }

  bad(path: string, what: string): LachesisError {
    return modelError(`In the answer of ${this.#name}, ${path} ${what}.`, {
      reason: 'BAD_ENGINE_REPLY',
      remedy: 'Check that the URL is that of this kind of engine, and its version.',
      field: path,
    });
  }
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
