interface ReadOptions {
  readonly signal: AbortSignal;
}

/** A group's bytes as they were submitted, wherever they lie: its header and its parts. */
export interface GroupPayload {
  /** Of header and parts. */
  readonly byteLength: number;
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
    byteLength: parts.reduce((bytes, part) => bytes + part.byteLength, header.byteLength),
    header: async () => header,
    parts: async () => parts,
  });
}
