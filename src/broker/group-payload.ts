interface ReadOptions {
  readonly signal: AbortSignal;
}

/** Whether all of it is what was stored; `unsure` until it was checked once since the store was opened. */
export type PayloadState = 'whole' | 'unsure' | 'damaged';

/** A group's bytes as they were submitted, wherever they lie: its header and its parts. */
export interface GroupPayload {
  /** Of header and parts. */
  readonly byteLength: number;
  readonly state: PayloadState;
  /**
   * Reads all of it, unless its state is known. Rejects when it can't be read for now, which is no
   * damage: it stays unsure then.
   */
  check(options: ReadOptions): Promise<Exclude<PayloadState, 'unsure'>>;
  /**
   * The serialized `lachesis.v1.GroupHeader`. Rejects with an infrastructure_error when what lies there
   * is not what was stored.
   */
  header(options: ReadOptions): Promise<Uint8Array>;
  /** As `header`, the parts in its order; those that are not `wanted` may be left empty. */
  parts(
    options: ReadOptions & { readonly wanted?: (partIndex: number) => boolean },
  ): Promise<readonly Uint8Array[]>;
}

/** One that is held in memory. */
export interface HeldPayload extends GroupPayload {
  readonly held: { readonly header: Uint8Array; readonly parts: readonly Uint8Array[] };
}

export function heldPayload(header: Uint8Array, parts: readonly Uint8Array[]): HeldPayload {
  return Object.freeze({
    held: Object.freeze({ header, parts }),
    state: 'whole' as const,
    check: async () => 'whole' as const,
    byteLength: parts.reduce((bytes, part) => bytes + part.byteLength, header.byteLength),
    header: async () => header,
    parts: async () => parts,
  });
}
