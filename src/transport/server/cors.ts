import { cors } from '@connectrpc/connect';
import type { NodeRequest, NodeResponse } from './node-http.ts';

const PREFLIGHT_MAX_AGE_SECONDS = 7_200;

/**
 * Tells the browser that a page of `origin` may read the response; answers a preflight whole.
 * True when the request was a preflight, so that nothing is left to do.
 */
export function answerAllowedOrigin(
  request: NodeRequest,
  response: NodeResponse,
  origin: string,
): boolean {
  response.setHeader('access-control-allow-origin', origin);
  response.setHeader('vary', 'origin');
  const isPreflight =
    request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined;
  if (!isPreflight) {
    response.setHeader(
      'access-control-expose-headers',
      [...cors.exposedHeaders, 'grpc-status-details-bin'].join(', '),
    );
    return false;
  }
  response.writeHead(204, {
    'access-control-allow-methods': cors.allowedMethods.join(', '),
    'access-control-allow-headers': [...cors.allowedHeaders, 'authorization'].join(', '),
    'access-control-max-age': String(PREFLIGHT_MAX_AGE_SECONDS),
  });
  response.end();
  return true;
}
