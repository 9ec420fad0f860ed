/** The server process of a hostile test: it may crash without taking the test with it. */
import * as http from 'node:http';
import * as http2 from 'node:http2';
import type { AddressInfo, Server } from 'node:net';
import { Code, ConnectError } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { createLogger } from '../../../src/telemetry/index.ts';
import { startListener } from '../../../src/transport/index.ts';
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

const { streams, ...ports } = kind === 'kit' ? await startKit() : await startStock();
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

async function startKit() {
  const { token, readMaxBytes, limits, timeouts, port: wantedPort } = options;
  const listener = await startListener({
    routes: kitRoutes(probe),
    port: wantedPort ?? 0,
    limits: { ...limits, ...(readMaxBytes !== undefined && { readMaxBytes }) },
    logger: createLogger({
      writer: (record) => void errorsLogged.push(record.message),
      level: 'error',
    }),
    ...(timeouts !== undefined && { timeouts }),
    ...(token !== undefined && {
      authorize: ({ headers }) =>
        headers.authorization === `Bearer ${token}`
          ? { ok: true as const }
          : {
              ok: false as const,
              code: Code.Unauthenticated,
              message: 'no valid token.',
              remedy: 'Send authorization: Bearer <token>.',
            },
    }),
  });
  const { port } = listener.address;
  return { http1Port: port, http2Port: port, streams: () => listener.stats().http2Streams };
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
