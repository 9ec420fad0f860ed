import type { SubmittedGroup } from '../../../broker/index.ts';
import type { LogprobFlaw } from '../pushed-logprobs.ts';
import type { PushLimits, PushShape } from '../read-push.ts';
import type { StoredAs } from '../store-scored-data.ts';
import type { ThrownError } from './thrown-error.ts';

/** A ScoredData, serialized by V8: who holds it looks at nothing of it, and every thread can read it. */
export type PackedData = SharedArrayBuffer;

/** Bytes that are given away: each is all of its buffer, which moves and is not copied. */
export type OwnBytes = Uint8Array<ArrayBuffer>;

/** What a thread is asked for. Jobs know nothing of one another, so that any thread can do any. */
export type Job =
  /** Reads and checks a push. */
  | {
      readonly kind: 'read';
      readonly bytes: OwnBytes;
      readonly shape: PushShape;
      readonly limits: PushLimits;
    }
  /** Makes a stored group of what was read. */
  | { readonly kind: 'store'; readonly data: PackedData; readonly as: StoredAs }
  /** Writes a stored group as JSON. */
  | {
      readonly kind: 'write';
      readonly header: OwnBytes;
      readonly parts: readonly OwnBytes[];
      readonly envId: number | undefined;
    };

/** What comes of each kind of job. */
export interface JobResults {
  readonly read: { readonly digest: string; readonly groups: readonly PackedGroup[] };
  readonly store: {
    readonly index: Omit<SubmittedGroup, 'payload'>;
    readonly header: OwnBytes;
    readonly parts: readonly OwnBytes[];
  };
  readonly write: { readonly text: readonly OwnBytes[] };
}

export interface PackedGroup {
  readonly sequences: number;
  readonly envId: number | undefined;
  readonly flaws: readonly LogprobFlaw[];
  readonly data: PackedData;
}

/** One job at a time: a thread is sent the next when it has answered. */
export type ThreadAnswer =
  | { readonly kind: 'done'; readonly result: JobResults[Job['kind']] }
  | { readonly kind: 'threw'; readonly error: ThrownError };

/** The bytes as all of a buffer, which can be given away; copied where they are a part of one. */
export function ownBytes(bytes: Uint8Array): OwnBytes {
  return bytes.buffer instanceof ArrayBuffer && bytes.byteLength === bytes.buffer.byteLength
    ? (bytes as OwnBytes)
    : new Uint8Array(bytes);
}
