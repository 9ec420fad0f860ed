import type { GroupChunk, GroupHeader } from '../../gen/lachesis/v1/group_pb.ts';
import { groupDigest, partDigest } from '../contract/index.ts';
import { LachesisError } from '../errors.ts';
import { PartsAssembler, sameDigest } from '../wire/index.ts';

/** Puts the parts of one group together; a part of which no chunk came is simply not there. */
export class PartsReceiver {
  readonly header: GroupHeader;
  readonly #parts: PartsAssembler;
  /** Parts that were put together and checked already. */
  readonly #whole: Uint8Array[] = [];

  /** Throws `infrastructure_error` when the header does not fit its own digest. */
  constructor(header: GroupHeader) {
    if (!sameDigest(groupDigest(header.parts), header.digest)) {
      throw damaged(header, 'does not fit its digest.');
    }
    this.header = header;
    this.#parts = new PartsAssembler(
      header.parts.map(({ encodedSize }) => Number(encodedSize)),
      `group ${header.groupId}: parts`,
    );
  }

  add({ partIndex, offset, data }: GroupChunk): void {
    this.#parts.add({ partIndex, offset: Number(offset), data });
  }

  /** A part's bytes, whole and checked against its digest, or undefined when none of it came. */
  part(index: number): Uint8Array | undefined {
    const known = this.#whole[index];
    if (known !== undefined) return known;
    const whole = this.#parts.part(index);
    if (whole === undefined) return undefined;
    const declared = this.header.parts[index]?.digest ?? new Uint8Array();
    if (!sameDigest(partDigest(whole), declared)) {
      throw damaged(this.header, `has a part ${index} that does not fit its digest.`);
    }
    this.#whole[index] = whole;
    return whole;
  }

  /** Checks every part of which anything came. */
  assertIntact(): void {
    this.header.parts.forEach((_, index) => {
      this.part(index);
    });
  }

  /** All parts. */
  all(): readonly Uint8Array[] {
    return this.header.parts.map((_, index) => {
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
