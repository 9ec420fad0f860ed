import type { ServerHttp2Stream } from 'node:http2';
import type {
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from '@connectrpc/connect-node';

/** A request of either HTTP version, as Node's compatibility layer gives it. */
export type NodeRequest = Parameters<typeof universalRequestFromNodeRequest>[0];
/** Its response, with the writing methods that both versions share. */
export type NodeResponse = Parameters<typeof universalResponseToNodeResponse>[1];

/** The HTTP/2 stream under a response, undefined on HTTP/1. */
export function http2StreamOf(response: NodeResponse): ServerHttp2Stream | undefined {
  return 'stream' in response ? response.stream : undefined;
}

/** Whether the peer has hung up, so that nothing more can be answered. */
export function isGone(response: NodeResponse): boolean {
  const stream = http2StreamOf(response);
  return stream === undefined ? response.destroyed : stream.destroyed || stream.closed;
}

/** `req.url` without its query; `/` when there is none (a CONNECT has no path). */
export function pathOf(request: NodeRequest): string {
  const target = request.url ?? '/';
  const query = target.indexOf('?');
  return query < 0 ? target : target.slice(0, query);
}
