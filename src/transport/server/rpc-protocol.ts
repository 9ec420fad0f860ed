import type { IncomingHttpHeaders } from 'node:http';

/** Which dialect a request speaks, so that a refusal can be written in it; `http` is none of them. */
export type RpcProtocol = 'grpc' | 'grpc-web' | 'connect-unary' | 'connect-stream' | 'http';

/** Tells the dialect from the head alone. */
export function rpcProtocolOf(
  method: string,
  target: string | undefined,
  headers: IncomingHttpHeaders,
): RpcProtocol {
  const type = headers['content-type']?.toLowerCase() ?? '';
  if (/^application\/grpc-web(?:[+;]|$)/.test(type)) return 'grpc-web';
  if (/^application\/grpc(?:[+;]|$)/.test(type)) return 'grpc';
  if (type.startsWith('application/connect+')) return 'connect-stream';
  if (headers['connect-protocol-version'] !== undefined) return 'connect-unary';
  if (method === 'POST' && /^application\/(?:json|proto)(?:;|$)/.test(type)) return 'connect-unary';
  if (method === 'GET' && /[?&]encoding=(?:json|proto)(?:&|$)/.test(target ?? '')) {
    return 'connect-unary';
  }
  return 'http';
}
