import type { GroupChunk, GroupHeader } from '../../gen/lachesis/v1/group_pb.ts';
import { groupDigest, partDigest } from '../contract/index.ts';
import { LachesisError } from '../errors.ts';
import { ChunkAssembler } from '../wire/index.ts';

/** Puts the parts of one group together; a part of which no chunk came is simply not there. */
export class PartsReceiver {
  readonly header: GroupHeader;
  readonly #parts: (ChunkAssembler | undefined)[];
  /** Parts that were put together already. */
  readonly #whole: Uint8Array[] = [];

  /** Throws `infrastructure_error` when the header does not fit its own digest. */
  constructor(header: GroupHeader) {
    if (Buffer.compare(groupDigest(header.parts), header.digest) !== 0) {
      throw damaged(header, 'does not fit its digest.');
    }
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

  /** A part's bytes, whole and checked against its digest, or undefined when none of it came. */
  part(index: number): Uint8Array | undefined {
    const known = this.#whole[index];
    if (known !== undefined) return known;
    const whole = this.#parts[index]?.bytes();
    if (whole === undefined) return undefined;
    const declared = this.header.parts[index]?.digest ?? new Uint8Array();
    if (Buffer.compare(partDigest(whole), declared) !== 0) {
      throw damaged(this.header, `has a part ${index} that does not fit its digest.`);
    }
    this.#whole[index] = whole;
    return whole;
  }

  /** Checks every part of which anything came. */
  assertIntact(): void {
    this.#parts.forEach((_, index) => {
      this.part(index);
    });
  }

  /** All parts. */
  all(): readonly Uint8Array[] {
    return this.#parts.map((_, index) => {
      const part = this.part(index);
      if (part === undefined) throw damaged(this.header, `came without part ${index}.`);
      return part;
    });
  }
}

function damaged(header: GroupHeader, what: string): LachesisError {
  return new LachesisError('infrastructure_error', `group ${header.groupId} ${what}`, {
    reason: 'GROUP_DAMAGED',
    remedy: 'Read it again; if it persists, the store is damaged.',
  });
}
