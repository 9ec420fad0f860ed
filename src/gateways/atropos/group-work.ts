import { heldPayload, type StoredGroup, type SubmittedGroup } from '../../broker/index.ts';
import { LachesisError } from '../../errors.ts';
import type { Piece } from './answers.ts';
import type { AtroposLimits } from './gateway-options.ts';
import { flawsOf, type LogprobFlaw } from './pushed-logprobs.ts';
import { type PushLimits, type PushShape, readPush } from './read-push.ts';
import type { ScoredData } from './scored-data.ts';
import { type GroupBytes, scoredDataText } from './scored-data-text.ts';
import { type StoredAs, storeScoredData } from './store-scored-data.ts';
import { JobPool, ownBytes, type PackedGroup, unpackData } from './threads/index.ts';

/** One group of a push, read and checked. */
export interface PushedGroup {
  readonly sequences: number;
  readonly envId: number | undefined;
  /** Of its sequences whose logprobs can't be ones. */
  readonly flaws: readonly LogprobFlaw[];
  store(as: StoredAs, signal: AbortSignal): Promise<SubmittedGroup>;
}

export interface PushedBody {
  /** Of the body's text. */
  readonly digest: string;
  readonly groups: readonly PushedGroup[];
}

type WorkLimits = Pick<
  AtroposLimits,
  'maxInlineBytes' | 'maxThreads' | 'maxThreadMb' | 'threadTimeoutMs'
>;

const NO_LIMITS: PushLimits = { maxBodyParts: Infinity, maxPushSequences: Infinity };

/**
 * Reads pushed groups from JSON and writes stored ones as JSON. What is large is done in threads, and no
 * large value ever lives in this one: a body of tens of MB takes seconds, in which nobody else would be served.
 */
export class GroupWork implements AsyncDisposable {
  readonly #maxInlineBytes: number;
  readonly #reading: JobPool;
  /** Threads of its own, so that a trainer does not wait behind all environments. */
  readonly #writing: JobPool;

  /** `file` is what runs in the threads; for tests. */
  constructor(limits: WorkLimits, file?: URL) {
    this.#maxInlineBytes = limits.maxInlineBytes;
    const options = {
      maxHeapMb: limits.maxThreadMb,
      timeoutMs: limits.threadTimeoutMs,
      ...(file !== undefined && { file }),
    };
    this.#reading = new JobPool({ ...options, threads: limits.maxThreads });
    this.#writing = new JobPool({ ...options, threads: 1 });
  }

  /** Takes the bytes: they may be gone afterwards. Throws what is wrong with them. */
  async read(
    bytes: Uint8Array | undefined,
    shape: PushShape,
    limits: PushLimits,
    signal: AbortSignal,
  ): Promise<PushedBody> {
    if (bytes === undefined || bytes.length <= this.#maxInlineBytes) {
      const { digest, groups } = readPush(bytes, shape, limits);
      return { digest, groups: groups.map(inline) };
    }
    const own = ownBytes(bytes);
    const { maxBodyParts, maxPushSequences } = limits;
    const { digest, groups } = await this.#reading.run<'read'>(
      { kind: 'read', bytes: own, shape, limits: { maxBodyParts, maxPushSequences } },
      [own.buffer],
      signal,
    );
    return { digest, groups: groups.map((group) => this.#packed(group)) };
  }

  /** A stored group as the JSON of a ScoredData; `envId` is for one that came another way. */
  async write(
    { payload }: StoredGroup,
    envId: number | undefined,
    signal: AbortSignal,
  ): Promise<Iterable<Piece>> {
    const bytes: GroupBytes = {
      header: await payload.header({ signal }),
      parts: await payload.parts({ signal }),
    };
    const inThisThread = (): Iterable<Piece> => scoredDataText(bytes, () => envId);
    if (payload.byteLength <= this.#maxInlineBytes) return inThisThread();
    // Copies: the bytes are the broker's.
    const header = new Uint8Array(bytes.header);
    const parts = bytes.parts.map((part) => new Uint8Array(part));
    return await unlessTooLarge(inThisThread, async () => {
      const { text } = await this.#writing.run<'write'>(
        { kind: 'write', header, parts, envId },
        [header, ...parts].map(({ buffer }) => buffer),
        signal,
      );
      return text;
    });
  }

  /** Reads a stored group as it was pushed. It was accepted: no bound refuses it. */
  async readBack(group: StoredGroup, signal: AbortSignal): Promise<PushedGroup> {
    const bytes = bytesOf(await this.write(group, undefined, signal));
    const { groups } = await unlessTooLarge(
      () => this.#readInline(bytes),
      () => this.read(new Uint8Array(bytes), 'one', NO_LIMITS, signal),
    );
    return groups[0] as PushedGroup;
  }

  #readInline(bytes: Uint8Array): PushedBody {
    const { digest, groups } = readPush(bytes, 'one', NO_LIMITS);
    return { digest, groups: groups.map(inline) };
  }

  #packed({ sequences, envId, flaws, data }: PackedGroup): PushedGroup {
    const store = async (as: StoredAs, signal: AbortSignal): Promise<SubmittedGroup> => {
      const { index, header, parts } = await this.#reading.run<'store'>(
        { kind: 'store', data, as },
        [],
        signal,
      );
      return { ...index, payload: heldPayload(header, parts) };
    };
    return {
      ...{ sequences, envId, flaws },
      store: (as, signal) =>
        unlessTooLarge(
          () => storeScoredData(unpackData(data), as),
          () => store(as, signal),
        ),
    };
  }

  /** Ends its threads. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#reading, this.#writing].map((pool) => pool[Symbol.asyncDispose]()));
  }
}

/** All of a text, as bytes. */
export function bytesOf(pieces: Iterable<Piece>): Uint8Array {
  const found = [...pieces];
  if (found.every((piece) => typeof piece === 'string')) return Buffer.from(found.join(''));
  return Buffer.concat(
    found.map((piece) => (typeof piece === 'string' ? Buffer.from(piece) : piece)),
  );
}

function inline(data: ScoredData): PushedGroup {
  return {
    sequences: data.tokens.length,
    envId: data.envId,
    flaws: flawsOf(data.inferenceLogprobs, data.masks),
    store: async (as) => storeScoredData(data, as),
  };
}

/** What was accepted must not be lost where a thread has no memory for it: better late than never. */
async function unlessTooLarge<Value>(
  inThisThread: () => Value,
  inAnother: () => Promise<Value>,
): Promise<Value> {
  try {
    return await inAnother();
  } catch (error) {
    if (!(error instanceof LachesisError) || error.reason !== 'BODY_TOO_LARGE') throw error;
    return inThisThread();
  }
}
