/** The server process of a hostile test: it may crash without taking the test with it. */
import * as http from 'node:http';
import * as http2 from 'node:http2';
import type { AddressInfo, Server } from 'node:net';
import { ConnectError } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { startServer } from '../../../src/server/index.ts';
import { createLogger } from '../../../src/telemetry/index.ts';
import { createProbe, kitRoutes } from '../../transport/support/kit-routes.ts';
import type {
  ListenerKind,
  ServerStats,
  StartedMessage,
  UnderTestOptions,
} from './child-protocol.ts';

const [kind, json] = process.argv.slice(2) as [ListenerKind, string];
const options = JSON.parse(json) as UnderTestOptions;
const probe = createProbe();
const errorsLogged: string[] = [];
let peakArrayBufferBytes = 0;

const { streams, ...ports } = kind === 'serve' ? await startServe() : await startStock();
setInterval(measure, 50);
process.on('message', () => {
  measure();
  const stats: ServerStats = {
    type: 'stats',
    streams: streams(),
    peakArrayBufferBytes,
    calls: probe.calls,
    errorsLogged,
  };
  process.send?.(stats);
});
process.on('disconnect', () => process.exit(0));
process.send?.({ type: 'started', ...ports } satisfies StartedMessage);

/** The listener that `lachesis serve` starts, with the test's service beside its own. */
async function startServe() {
  const { token, readMaxBytes, limits, timeouts, port = 0 } = options;
  const server = await startServer({
    environments: [],
    routes: kitRoutes(probe),
    port,
    auth:
      token === undefined
        ? { kind: 'none' }
        : { kind: 'credentials', credentials: [{ scope: 'operator', token }] },
    listener: {
      limits: { ...limits, ...(readMaxBytes !== undefined && { readMaxBytes }) },
      ...(timeouts !== undefined && { timeouts }),
    },
    logger: createLogger({
      writer: (record) => void errorsLogged.push(record.message),
      level: 'error',
    }),
  });
  const streams = (): number => server.listener.stats().http2Streams;
  return { http1Port: server.port, http2Port: server.port, streams };
}

/** What one gets by following the adapter's own readme, with errors logged. */
async function startStock() {
  const handler = connectNodeAdapter({
    routes: kitRoutes(probe),
    ...(options.readMaxBytes !== undefined && { readMaxBytes: options.readMaxBytes }),
    interceptors: [
      (next) => async (request) => {
        try {
          return await next(request);
        } catch (thrown) {
          if (!(thrown instanceof ConnectError)) errorsLogged.push(String(thrown));
          throw thrown;
        }
      },
    ],
  });
  const http2Server = http2.createServer(handler);
  let open = 0;
  http2Server.on('stream', (stream) => {
    open += 1;
    stream.once('close', () => {
      open -= 1;
    });
  });
  const http1Port = await listen(http.createServer(handler));
  const http2Port = await listen(http2Server);
  return { http1Port, http2Port, streams: () => open };
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

function measure(): void {
  peakArrayBufferBytes = Math.max(peakArrayBufferBytes, process.memoryUsage().arrayBuffers);
}
