import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { createContextValues } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { createBubblewrapBackend } from '../../../src/sandbox/index.ts';
import { controlPlane } from './control-plane.ts';
import { FakeFaults } from './fake-faults.ts';
import { ENDED, type FakeSandbox } from './fake-sandbox.ts';
import { FakeWorld } from './fake-world.ts';
import { ModalClient } from './gen/client_pb.ts';
import { TaskCommandRouter } from './gen/router_pb.ts';
import { PORT, taskRouter } from './task-router.ts';

/** A stand-in for Modal on loopback, for Modal's own client: its sandboxes are our boxes, so commands run for real. */
export interface FakeModal extends AsyncDisposable {
  readonly url: string;
  /** What Modal's client reads from the environment to reach it, and nothing of whoever runs the test. */
  readonly env: Readonly<Record<string, string>>;
  readonly world: FakeWorld;
  readonly faults: FakeFaults;
  readonly running: readonly FakeSandbox[];
  /** Connections that were ever made. */
  readonly connections: number;
  /** The sandbox ends, its worker with it. */
  loseWorker(id: string): Promise<void>;
  /** The worker answers nobody any more, while Modal says that the sandbox runs. */
  cutOff(id: string): void;
  /** The sandbox is reached at another address from now on, and at the old one no more. */
  moveWorker(id: string): Promise<void>;
  /** Tokens given so far are refused by its worker. */
  expireTokens(id: string): void;
  /** Ends all connections without a word. */
  dropConnections(): void;
}

export async function startFakeModal({
  boxWorkdir = '/workspace',
}: {
  readonly boxWorkdir?: string;
} = {}): Promise<FakeModal> {
  const boxes = createBubblewrapBackend({ users: { first: 300_000, count: 4_096 } });
  const credentials = { tokenId: 'ak-fake', tokenSecret: 'as-fake' };
  const world = new FakeWorld(boxes, boxWorkdir, credentials);
  const faults = new FakeFaults();
  const sessions = new Set<http2.ServerHttp2Session>();
  const servers: http2.Http2Server[] = [];
  let connections = 0;

  const listen = async (): Promise<number> => {
    const handler = connectNodeAdapter({
      routes: (router) => {
        router.service(ModalClient, controlPlane(world));
        router.service(TaskCommandRouter, taskRouter(world));
      },
      ...{ connect: false, grpcWeb: false, interceptors: [faults.interceptor] },
      readMaxBytes: 100 * 1_048_576,
      contextValues: (request) => {
        const { localPort = 0 } =
          (request as http2.Http2ServerRequest).stream.session?.socket ?? {};
        return createContextValues().set(PORT, localPort);
      },
      fallback: (request, response) => {
        faults.unexpected.push(request.url ?? '');
        const { stream } = response as http2.Http2ServerResponse;
        stream.respond(
          {
            ':status': 200,
            'content-type': 'application/grpc',
            'grpc-status': '12',
            'grpc-message': `unexpected call ${request.url}`,
          },
          { endStream: true },
        );
      },
    });
    const server = http2.createServer(handler);
    server.on('session', (session) => {
      connections += 1;
      sessions.add(session);
      session.on('error', () => {});
      session.on('close', () => sessions.delete(session));
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  };

  world.port = await listen();
  const url = `http://127.0.0.1:${world.port}`;
  const find = (id: string): FakeSandbox => {
    const found = world.sandboxes.get(id);
    if (found === undefined) throw new Error(`The fake has no sandbox ${id}.`);
    return found;
  };
  const drop = (): void => {
    for (const session of sessions) session.destroy();
  };
  return {
    url,
    env: {
      MODAL_SERVER_URL: url,
      MODAL_TOKEN_ID: credentials.tokenId,
      MODAL_TOKEN_SECRET: credentials.tokenSecret,
      MODAL_CONFIG_PATH: '/nonexistent/modal.toml',
      MODAL_ENVIRONMENT: '',
      MODAL_PROFILE: '',
      MODAL_IMAGE_BUILDER_VERSION: '',
      MODAL_SANDBOX_V2: '',
      MODAL_LOGLEVEL: '',
    },
    world,
    faults,
    get running() {
      return [...world.sandboxes.values()].filter(({ status }) => status === undefined);
    },
    get connections() {
      return connections;
    },
    loseWorker: (id) => find(id).end(ENDED.failure),
    cutOff(id) {
      const sandbox = find(id);
      sandbox.isUnreachable = true;
      sandbox.cut.abort();
    },
    async moveWorker(id) {
      const sandbox = find(id);
      sandbox.port = await listen();
      sandbox.cut.abort();
      sandbox.cut = new AbortController();
    },
    expireTokens(id) {
      find(id).generation += 1;
    },
    dropConnections: drop,
    async [Symbol.asyncDispose]() {
      drop();
      await Promise.all(
        servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))),
      );
      await boxes[Symbol.asyncDispose]();
    },
  };
}
