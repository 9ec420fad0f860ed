/** The bytes of a group's parts, as they were submitted, wherever they lie. */
export interface GroupPayload {
  readonly byteLength: number;
  /**
   * The parts in header order; those that are not `wanted` may be left empty. Rejects with an
   * infrastructure_error when what lies there is not what was stored.
   */
  read(options: {
    readonly wanted?: (partIndex: number) => boolean;
    readonly signal: AbortSignal;
  }): Promise<readonly Uint8Array[]>;
}

/** Parts that are held in memory. */
export interface HeldPayload extends GroupPayload {
  readonly parts: readonly Uint8Array[];
}

export function heldPayload(parts: readonly Uint8Array[]): HeldPayload {
  return Object.freeze({
    parts,
    byteLength: parts.reduce((bytes, part) => bytes + part.byteLength, 0),
    read: async () => parts,
  });
}
