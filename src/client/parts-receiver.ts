import type { GroupChunk, GroupHeader } from '../../gen/lachesis/v1/group_pb.ts';
import { partsDigest } from '../contract/index.ts';
import { LachesisError } from '../errors.ts';
import { ChunkAssembler } from '../wire/index.ts';

/** Puts the parts of one group together; a part of which no chunk came is simply not there. */
export class PartsReceiver {
  readonly header: GroupHeader;
  readonly #parts: (ChunkAssembler | undefined)[];
  /** Parts that were put together already. */
  readonly #whole: Uint8Array[] = [];

  constructor(header: GroupHeader) {
    this.header = header;
    this.#parts = header.parts.map(() => undefined);
  }

  add({ partIndex, offset, data }: GroupChunk): void {
    const declared = this.header.parts[partIndex];
    if (declared === undefined) {
      throw damaged(this.header, `has no part ${partIndex}.`);
    }
    let part = this.#parts[partIndex];
    if (part === undefined) {
      const field = `group ${this.header.groupId}: parts[${partIndex}]`;
      part = new ChunkAssembler(Number(declared.encodedSize), field);
      this.#parts[partIndex] = part;
    }
    part.add(Number(offset), data);
  }

  /** A part's bytes, whole, or undefined when none of it came. */
  part(index: number): Uint8Array | undefined {
    const whole = this.#whole[index] ?? this.#parts[index]?.bytes();
    if (whole !== undefined) this.#whole[index] = whole;
    return whole;
  }

  /** All parts, checked against the header's digest. */
  all(): readonly Uint8Array[] {
    const parts = this.#parts.map((_, index) => {
      const part = this.part(index);
      if (part === undefined) throw damaged(this.header, `came without part ${index}.`);
      return part;
    });
    if (Buffer.compare(partsDigest(parts), this.header.digest) !== 0) {
      throw damaged(this.header, 'does not fit its digest.');
    }
    return parts;
  }

  /** Whether every part came whole. */
  get complete(): boolean {
    return this.#parts.every((part) => part?.complete === true);
  }
}

function damaged(header: GroupHeader, what: string): LachesisError {
  return new LachesisError('infrastructure_error', `group ${header.groupId} ${what}`, {
    reason: 'GROUP_DAMAGED',
    remedy: 'Read it again; if it persists, the store is damaged.',
  });
}
