import type { GroupPayload, HeldPayload, PayloadState } from '../group-payload.ts';
import { isPayloadLost } from '../stores/refusals.ts';
import type { BrokerStore, NewPayload, PayloadRef } from '../stores/store.ts';

/** Small parts lie together in blocks of about this size: a store's index knows blocks. */
const BLOCK_BYTES = 2 ** 18;
/** A longer part lies in several. */
const MAX_BLOCK_BYTES = 2 ** 24;
/** Of one append, so that others have their turn. */
const APPEND_BYTES = 2 ** 25;

const EMPTY = new Uint8Array(0);

/** Where a group's bytes lie: as one text, header first, cut into blocks. */
export interface PayloadPlaces {
  /** Of the header, then of each part, in bytes. */
  readonly sizes: readonly number[];
  /** The blocks in order; their lengths sum up to the sizes. */
  readonly blocks: readonly PayloadRef[];
}

const NOWHERE: PayloadPlaces = Object.freeze({ sizes: [], blocks: [] });

/** A group's bytes in a store, in blocks, so that a rank reads little more than its own rows. */
export class StoredPayload implements GroupPayload {
  readonly places: PayloadPlaces;
  readonly #store: BrokerStore;
  #state: PayloadState;

  constructor(store: BrokerStore, places: PayloadPlaces, state: PayloadState = 'unsure') {
    this.#store = store;
    this.places = places;
    this.#state = state;
  }

  get state(): PayloadState {
    return this.#state;
  }

  get byteLength(): number {
    return this.places.blocks.reduce((bytes, { length }) => bytes + length, 0);
  }

  async check({
    signal,
  }: {
    readonly signal: AbortSignal;
  }): Promise<Exclude<PayloadState, 'unsure'>> {
    if (this.#state !== 'unsure') return this.#state;
    try {
      for (const ref of this.places.blocks) await this.#read(ref, signal);
    } catch (error) {
      if (isPayloadLost(error)) return 'damaged';
      throw error;
    }
    // Another reader may have met damage meanwhile.
    if (this.#isDamaged()) return 'damaged';
    this.#state = 'whole';
    return 'whole';
  }

  async header({ signal }: { readonly signal: AbortSignal }): Promise<Uint8Array> {
    const [header = EMPTY] = await this.#pieces((piece) => piece === 0, signal);
    return header;
  }

  async parts({
    wanted = () => true,
    signal,
  }: Parameters<GroupPayload['parts']>[0]): Promise<readonly Uint8Array[]> {
    const pieces = await this.#pieces((piece) => piece > 0 && wanted(piece - 1), signal);
    return pieces.slice(1);
  }

  /** Header and parts; those that are not wanted are empty. A block is read once. */
  async #pieces(
    wanted: (piece: number) => boolean,
    signal: AbortSignal,
  ): Promise<readonly Uint8Array[]> {
    const { sizes, blocks } = this.places;
    const pieces: Uint8Array[] = [];
    let block = 0;
    let blockStart = 0;
    let bytes: Uint8Array | undefined;
    let start = 0;
    for (const [piece, size] of sizes.entries()) {
      const end = start + size;
      const found: Uint8Array[] = [];
      while (wanted(piece) && start < end) {
        const ref = blocks[block]!;
        if (start >= blockStart + ref.length) {
          blockStart += ref.length;
          block += 1;
          bytes = undefined;
          continue;
        }
        bytes ??= await this.#read(ref, signal);
        const slice = bytes.subarray(start - blockStart, Math.min(end - blockStart, ref.length));
        found.push(slice);
        start += slice.length;
      }
      pieces.push(found.length === 1 ? found[0]! : found.length === 0 ? EMPTY : joined(found));
      start = end;
    }
    return pieces;
  }

  #isDamaged(): boolean {
    return this.#state === 'damaged';
  }

  /** Damage is for good, so it is looked at twice. */
  async #read(ref: PayloadRef, signal: AbortSignal): Promise<Uint8Array> {
    const read = () => this.#store.read(ref, { signal });
    try {
      return await read().catch((error) => {
        if (isPayloadLost(error)) return read();
        throw error;
      });
    } catch (error) {
      if (isPayloadLost(error)) this.#state = 'damaged';
      throw error;
    }
  }
}

/** Puts a group's bytes into the store, where they are nobody's until a record cites them. */
export async function storePayload(
  store: BrokerStore,
  label: string,
  { held }: HeldPayload,
  options: {
    readonly signal: AbortSignal;
    /** Told of what lies there already when the rest can't follow. */
    readonly abandon: (begun: GroupPayload) => void;
  },
): Promise<StoredPayload> {
  const pieces = [held.header, ...held.parts];
  const blocks: PayloadRef[] = [];
  try {
    for (const few of appendsOf(pieces, label, store.maxPayloadBytes)) {
      blocks.push(...(await store.append(few, options)));
    }
  } catch (error) {
    options.abandon(new StoredPayload(store, { sizes: [], blocks }));
    throw error;
  }
  return new StoredPayload(store, { sizes: pieces.map(({ length }) => length), blocks });
}

/** Where a payload lies; nowhere for one that is held in memory. */
export function placesOf(payload: GroupPayload): PayloadPlaces {
  return payload instanceof StoredPayload ? payload.places : NOWHERE;
}

function* appendsOf(
  pieces: readonly Uint8Array[],
  label: string,
  maxPayloadBytes: number,
): Generator<readonly NewPayload[]> {
  let few: NewPayload[] = [];
  let bytes = 0;
  for (const chunks of cutBlocks(pieces, Math.min(MAX_BLOCK_BYTES, maxPayloadBytes))) {
    few.push({ label, chunks });
    bytes += chunks.reduce((sum, { length }) => sum + length, 0);
    if (bytes < APPEND_BYTES) continue;
    yield few;
    few = [];
    bytes = 0;
  }
  if (few.length > 0) yield few;
}

/** Pieces in order, in blocks that end with one once they are large enough. */
function* cutBlocks(pieces: readonly Uint8Array[], most: number): Generator<readonly Uint8Array[]> {
  let chunks: Uint8Array[] = [];
  let bytes = 0;
  for (const piece of pieces) {
    for (let at = 0; at < piece.length; ) {
      const chunk = piece.subarray(at, at + most - bytes);
      chunks.push(chunk);
      bytes += chunk.length;
      at += chunk.length;
      if (bytes < Math.min(BLOCK_BYTES, most)) continue;
      yield chunks;
      chunks = [];
      bytes = 0;
    }
  }
  if (chunks.length > 0) yield chunks;
}

function joined(slices: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(slices.reduce((bytes, { length }) => bytes + length, 0));
  let at = 0;
  for (const slice of slices) {
    whole.set(slice, at);
    at += slice.length;
  }
  return whole;
}
