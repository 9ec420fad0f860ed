import type { LachesisError } from '../../errors.ts';
import { modelError } from '../model-errors.ts';
import type { EngineLink, ScoreRequest, Scores } from './http-engine.ts';
import { MAX_LOGPROB, type ReplyReader, readLogprob } from './read-reply.ts';

/** A token at a position as an engine wrote it, and where it stands in the answer. */
export interface ScoredEntry {
  readonly id: unknown;
  readonly logprob: unknown;
  readonly path: string;
}

/** What an engine says of one position. */
export interface ScoredPosition {
  /** Among them the sequence's own id, which may be no other's. */
  readonly entries: readonly ScoredEntry[];
  /** The likeliest. Default: `entries`. */
  readonly top?: readonly ScoredEntry[];
  readonly path: string;
}

/**
 * The columns of a score, of all ids but the first. Held to what sampled tokens are held to: an id is one
 * of the vocabulary, a logprob is finite and not above 0, and each position has its own. A teacher's wrong
 * number would train as much as a student's.
 */
export function readScores(
  { reader, vocabularySize }: EngineLink,
  { tokenIds, k }: ScoreRequest,
  positionAt: (index: number) => ScoredPosition,
): Scores {
  const positions = tokenIds.length - 1;
  const logprobs = new Float32Array(positions);
  const topIds = new Int32Array(positions * k).fill(-1);
  const topLogprobs = new Float32Array(positions * k).fill(-Infinity);
  for (let at = 0; at < positions; at++) {
    // Its place among all ids: nothing is known of the first.
    const { entries, top = entries, path } = positionAt(at + 1);
    const read = readEntries(reader, entries, vocabularySize);
    const own = read.find(({ id }) => id === tokenIds[at + 1]);
    if (own === undefined) throw ownMissing(path, tokenIds[at + 1]);
    if (Number.isNaN(own.logprob)) throw notFinite(own.path);
    logprobs[at] = own.logprob;
    if (k === 0) continue;
    const ranked = (top === entries ? read : readEntries(reader, top, vocabularySize))
      // An id that the engine gives no logprob is in no rank.
      .filter(({ logprob }) => !Number.isNaN(logprob))
      .sort((a, b) => b.logprob - a.logprob)
      .slice(0, k);
    ranked.forEach(({ id, logprob }, rank) => {
      topIds[at * k + rank] = id;
      topLogprobs[at * k + rank] = logprob;
    });
  }
  return { logprobs, topIds, topLogprobs };
}

interface ReadEntry {
  readonly id: number;
  /** NaN where the engine writes that there is none. */
  readonly logprob: number;
  readonly path: string;
}

function readEntries(
  reader: ReplyReader,
  entries: readonly ScoredEntry[],
  vocabularySize: number,
): readonly ReadEntry[] {
  const seen = new Set<number>();
  return entries.map(({ id: said, logprob: value, path }) => {
    const id = idOf(said);
    if (id === undefined) {
      throw reader.bad(path, `is of ${reader.quote(JSON.stringify(said))}, which is no token id`);
    }
    if (id >= vocabularySize) throw outOfVocabulary(path, id, vocabularySize);
    if (seen.has(id)) throw reader.bad(path, `is of id ${id} again`);
    seen.add(id);
    if (typeof value !== 'number') throw notFinite(path);
    if (value > MAX_LOGPROB) throw positive(path, value);
    return { id, logprob: readLogprob(value), path };
  });
}

/** A whole number from 0, or its digits as the key of an object. */
function idOf(said: unknown): number | undefined {
  const id = typeof said === 'string' && /^(0|[1-9]\d{0,14})$/.test(said) ? Number(said) : said;
  return Number.isInteger(id) && (id as number) >= 0 ? (id as number) : undefined;
}

function ownMissing(field: string, id: number | undefined): LachesisError {
  return modelError(`Of a scored sequence, ${field} lacks its own id ${id}.`, {
    reason: 'LOGPROBS_MISSING',
    remedy: 'Look at the server’s version: each position must have the logprob of its own token.',
    field,
  });
}

function notFinite(field: string): LachesisError {
  return modelError(`Of a scored sequence, ${field} has no logprob.`, {
    reason: 'LOGPROBS_NOT_FINITE',
    field,
  });
}

function positive(field: string, value: number): LachesisError {
  return modelError(`Of a scored sequence, the logprob of ${field} is ${value}, above 0.`, {
    reason: 'LOGPROBS_POSITIVE',
    remedy: 'It must give natural logarithms of probabilities.',
    field,
  });
}

function outOfVocabulary(field: string, id: number, vocabularySize: number): LachesisError {
  return modelError(
    `Of a scored sequence, ${field} is of id ${id}, outside the vocabulary of ${vocabularySize}.`,
    {
      reason: 'TOKEN_OUT_OF_VOCABULARY',
      remedy: 'Engine and renderer must be of one model.',
      field,
    },
  );
}
