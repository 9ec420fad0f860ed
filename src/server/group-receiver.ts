import type { GroupChunk, GroupHeader } from '../../gen/lachesis/v1/group_pb.ts';
import { invalidInput, LachesisError } from '../errors.ts';
import { PartsAssembler } from '../wire/index.ts';

/** A group whose bytes are all there. */
export interface ReceivedGroup {
  readonly header: GroupHeader;
  readonly parts: readonly Uint8Array[];
}

type State =
  | { readonly kind: 'between_groups' }
  | { readonly kind: 'receiving'; readonly header: GroupHeader; readonly parts: PartsAssembler }
  /** The group was refused; its remaining frames are dropped. */
  | { readonly kind: 'skipping' };

/** How a frame was taken: a fault of the group refuses it, and the next group is taken as usual. */
export type Taken =
  | { readonly kind: 'more' }
  | { readonly kind: 'refused'; readonly groupId: string; readonly error: LachesisError }
  | { readonly kind: 'group'; readonly group: ReceivedGroup }
  /** The end of a group that was refused before. */
  | { readonly kind: 'skipped' };

const MORE: Taken = Object.freeze({ kind: 'more' });

/**
 * Puts groups together from header, chunk and end frames. Throws `invalid_input` for frames out of
 * order, where nobody can say which group a byte belongs to; that ends the stream.
 */
export class GroupReceiver {
  readonly #maxGroupBytes: number;
  readonly #checkHeader: (header: GroupHeader) => void;
  #state: State = { kind: 'between_groups' };
  #groups = 0;

  constructor(options: {
    readonly maxGroupBytes: number;
    /** Throws for a header whose group needs no bytes to be refused. */
    readonly checkHeader?: (header: GroupHeader) => void;
  }) {
    this.#maxGroupBytes = options.maxGroupBytes;
    this.#checkHeader = options.checkHeader ?? (() => {});
  }

  /** Groups that began so far: the number of the present one. */
  get groupNumber(): number {
    return this.#groups;
  }

  header(header: GroupHeader): Taken {
    if (this.#state.kind !== 'between_groups') {
      throw invalidInput('header', 'came before the end of the last group.', {
        reason: 'FRAME_OUT_OF_ORDER',
      });
    }
    this.#groups += 1;
    return this.#attempt(header.groupId, () => {
      this.#checkHeader(header);
      const total = header.parts.reduce((sum, part) => sum + part.encodedSize, 0n);
      if (total > BigInt(this.#maxGroupBytes)) {
        throw new LachesisError(
          'resource_exhausted',
          `header.parts: the group has ${total} bytes, over this server's ${this.#maxGroupBytes}.`,
          {
            reason: 'GROUP_TOO_LARGE',
            remedy: 'Play smaller groups, or raise maxGroupBytes.',
            field: 'header.parts',
          },
        );
      }
      const sizes = header.parts.map(({ encodedSize }) => Number(encodedSize));
      const parts = new PartsAssembler(sizes, 'parts');
      this.#state = { kind: 'receiving', header, parts };
      return MORE;
    });
  }

  chunk(chunk: GroupChunk): Taken {
    const state = this.#state;
    switch (state.kind) {
      case 'between_groups':
        throw invalidInput('chunk', 'came without a header.', { reason: 'FRAME_OUT_OF_ORDER' });
      case 'skipping':
        return MORE;
      case 'receiving':
        return this.#attempt(state.header.groupId, () => {
          const { partIndex, offset, data } = chunk;
          state.parts.add({ partIndex, offset: Number(offset), data });
          return MORE;
        });
    }
  }

  end(): Taken {
    const state = this.#state;
    switch (state.kind) {
      case 'between_groups':
        throw invalidInput('end', 'came without a header.', { reason: 'FRAME_OUT_OF_ORDER' });
      case 'skipping':
        this.#state = { kind: 'between_groups' };
        return { kind: 'skipped' };
      case 'receiving': {
        const taken = this.#attempt(state.header.groupId, () => {
          const group = { header: state.header, parts: state.parts.all() };
          return { kind: 'group', group };
        });
        this.#state = { kind: 'between_groups' };
        return taken;
      }
    }
  }

  #attempt(groupId: string, take: () => Taken): Taken {
    try {
      return take();
    } catch (thrown) {
      if (!(thrown instanceof LachesisError)) throw thrown;
      return this.#refuse(groupId, thrown);
    }
  }

  #refuse(groupId: string, error: LachesisError): Taken {
    this.#state = { kind: 'skipping' };
    return { kind: 'refused', groupId, error };
  }
}
