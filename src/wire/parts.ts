import { invalidInput } from '../errors.ts';
import { ChunkAssembler } from './chunks.ts';
import { concatBytes } from './columns.ts';

/** Bytes of a payload that has parts: they begin at `offset` of a part, and may run on into the next ones. */
export interface PartChunk {
  readonly partIndex: number;
  readonly offset: number;
  readonly data: Uint8Array;
}

/**
 * Cuts parts into chunks of at most `maxBytes`, in order. A chunk that comes to the end of its part
 * runs on into the next, so that small parts share a message: a message costs as much as tens of
 * kilobytes. A part that is not wanted ends the run.
 */
export function* chunksOfParts(
  parts: readonly Uint8Array[],
  maxBytes: number,
  wanted: (partIndex: number) => boolean = () => true,
): Generator<PartChunk, void, void> {
  let pieces: Uint8Array[] = [];
  let size = 0;
  let start = { partIndex: 0, offset: 0 };
  const take = (): PartChunk => {
    const [only] = pieces;
    const data = pieces.length === 1 && only !== undefined ? only : concatBytes(pieces);
    pieces = [];
    size = 0;
    return { ...start, data };
  };
  for (const [partIndex, part] of parts.entries()) {
    if (!wanted(partIndex)) {
      if (size > 0) yield take();
      continue;
    }
    for (let offset = 0; offset < part.length; ) {
      if (size === 0) start = { partIndex, offset };
      const piece = part.subarray(offset, offset + maxBytes - size);
      pieces.push(piece);
      size += piece.length;
      offset += piece.length;
      if (size === maxBytes) yield take();
    }
  }
  if (size > 0) yield take();
}

/** Puts parts of known sizes together from their chunks. A part of which nothing came is not there. */
export class PartsAssembler {
  readonly #parts: readonly ChunkAssembler[];
  readonly #begun = new Set<number>();

  /** `field` names the list of parts in errors. */
  constructor(sizes: readonly number[], field: string) {
    this.#parts = sizes.map((size, i) => new ChunkAssembler(size, `${field}[${i}]`));
  }

  /** Throws `invalid_input` for a gap, an overlap, or bytes beyond the last part. */
  add(chunk: PartChunk): void {
    let { partIndex, offset, data } = chunk;
    do {
      const part = this.#parts[partIndex];
      if (part === undefined) {
        throw invalidInput(
          'chunk.part_index',
          `comes to ${partIndex}; the header declares ${this.#parts.length} parts.`,
          { reason: 'CHUNK_TOO_LONG' },
        );
      }
      const piece = data.subarray(0, Math.max(0, part.expectedBytes - offset));
      part.add(offset, piece);
      this.#begun.add(partIndex);
      data = data.subarray(piece.length);
      partIndex += 1;
      offset = 0;
    } while (data.length > 0);
  }

  /** A whole part; undefined when nothing of it came. Throws when bytes of it are missing. */
  part(index: number): Uint8Array | undefined {
    return this.#begun.has(index) ? this.#parts[index]?.bytes() : undefined;
  }

  /** All parts, whole. Throws when bytes are missing. */
  all(): readonly Uint8Array[] {
    return this.#parts.map((part) => part.bytes());
  }
}
