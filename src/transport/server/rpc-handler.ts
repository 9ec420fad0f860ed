import {
  Code,
  ConnectError,
  type ContextValues,
  createConnectRouter,
  type Interceptor,
} from '@connectrpc/connect';
import type { UniversalHandler } from '@connectrpc/connect/protocol';
import {
  compressionBrotli,
  compressionGzip,
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from '@connectrpc/connect-node';
import type { Logger } from '../../telemetry/index.ts';
import type { ListenerConfig } from './listener-options.ts';
import { isGone, type NodeRequest, type NodeResponse } from './node-http.ts';
import { reject } from './reject.ts';

/** Serves one RPC; the caller has judged the request's address already. */
export type RpcHandler = (
  request: NodeRequest,
  response: NodeResponse,
  values: ContextValues,
) => Promise<void>;

/**
 * The RPCs of a listener by path. This is `connectNodeAdapter` in other words, for two reasons:
 * the adapter prints failures to the console and creates URLs where a throw ends the process.
 */
export function createRpcHandlers(
  config: ListenerConfig,
  interceptors: readonly Interceptor[],
  shutdownSignal: AbortSignal,
): ReadonlyMap<string, RpcHandler> {
  const router = createConnectRouter({
    interceptors: [...interceptors],
    shutdownSignal,
    readMaxBytes: config.limits.readMaxBytes,
    writeMaxBytes: config.limits.writeMaxBytes,
    acceptCompression: [compressionGzip, compressionBrotli],
    // Never compress a response: every stock client offers gzip, which halves stream throughput.
    compressMinBytes: Number.MAX_SAFE_INTEGER,
  });
  config.routes(router);
  const handlers = new Map<string, RpcHandler>();
  for (const handler of router.handlers) {
    handlers.set(handler.requestPath, (request, response, values) =>
      serve(handler, request, response, values, config.logger),
    );
  }
  return handlers;
}

async function serve(
  handler: UniversalHandler,
  request: NodeRequest,
  response: NodeResponse,
  values: ContextValues,
  logger: Logger,
): Promise<void> {
  try {
    const universal = universalRequestFromNodeRequest(request, response, undefined, values);
    await universalResponseToNodeResponse(await handler(universal), response);
  } catch (thrown) {
    // A peer that hung up in the middle of a response: its signal has told the handler.
    if (isGone(response) || ConnectError.from(thrown).code === Code.Aborted) return;
    const rpc = `${handler.service.typeName}/${handler.method.name}`;
    logger.error('response not written', { rpc, error: thrown });
    if (!response.headersSent) {
      reject(request, response, { code: Code.Internal, message: 'internal error' });
    } else {
      response.destroy();
    }
  }
}
