const KIB = 1024;
const MIB = 1024 * KIB;

/** Sizes that both ends keep to; GetServerInfo tells them to clients. */
export const WIRE_LIMITS = Object.freeze({
  maxRequestMessageBytes: 16 * MIB,
  /** Below the 4 MiB that stock gRPC clients accept. */
  maxResponseMessageBytes: 3.5 * MIB,
  /** Small enough that a bulk stream does not delay the calls that share its connection. */
  maxChunkBytes: 256 * KIB,
  maxGroupBytes: 1024 * MIB,
  /** A header is in one message, also on its way out. */
  maxGroupHeaderBytes: 3 * MIB,
});
