import { Metadata } from '@grpc/grpc-js';

/** Headers that the channel writes itself. */
const OWNED_BY_CHANNEL: ReadonlySet<string> = new Set([
  'content-type',
  'te',
  'user-agent',
  'grpc-timeout',
  'grpc-encoding',
  'grpc-accept-encoding',
  'connection',
  'host',
  'content-length',
]);

/** Connect's headers as gRPC metadata; values of `-bin` keys are decoded from base64. */
export function metadataFromHeaders(headers: Headers): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of headers) {
    if (OWNED_BY_CHANNEL.has(name)) continue;
    if (name.endsWith('-bin')) {
      // Headers joins repeated values with a comma, which base64 can't contain.
      for (const part of value.split(',')) metadata.add(name, Buffer.from(part.trim(), 'base64'));
    } else {
      metadata.add(name, value);
    }
  }
  return metadata;
}

/** gRPC metadata as headers; values of `-bin` keys become unpadded base64, as on the wire. */
export function headersFromMetadata(metadata: Metadata): Headers {
  const headers = new Headers();
  for (const [name, values] of Object.entries(metadata.toJSON())) {
    for (const value of values) {
      const text = typeof value === 'string' ? value : value.toString('base64').replace(/=+$/, '');
      headers.append(name, text);
    }
  }
  return headers;
}
